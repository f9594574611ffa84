"""Point clouds with boxes, in the manner of lidar and NeRF repositories."""

import numpy as np
import wandb

with wandb.init(project="lidar", config={"voxel_size": [0.1, 0.1, 0.2]}) as run:
    rng = np.random.default_rng(3)
    points = rng.uniform(-1, 1, size=(50, 3))
    colored = np.hstack([points, rng.integers(0, 255, size=(50, 3))])
    classified = np.hstack([points, rng.integers(1, 15, size=(50, 1))])
    box = {
        "corners": [[0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0], [1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 1, 1]],
        "label": "car",
        "color": [0, 255, 0],
        "score": 0.9,
    }
    for frame in range(2):
        run.log(
            {
                "cloud": wandb.Object3D(points + frame),
                "colored": [wandb.Object3D(colored), wandb.Object3D(classified)],
                "frame": frame,
            }
        )
    run.log(
        {
            "scene": wandb.Object3D(
                {"type": "lidar/beta", "points": points, "boxes": np.array([box]), "vectors": np.array([])}
            )
        }
    )
    run.log(
        {"from_numpy": wandb.Object3D.from_numpy(points), "from_points": wandb.Object3D.from_point_cloud(points, [box])}
    )
    with open("mesh.obj", "w") as f:
        f.write("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    run.log({"mesh": wandb.Object3D("mesh.obj")})
    run.log({"mesh again": wandb.Object3D.from_file("mesh.obj")})
