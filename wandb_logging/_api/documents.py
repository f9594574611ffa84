"""The questions to the server, as GraphQL documents."""

from __future__ import annotations

_RUN = """fragment RunParts on Run {
  id name displayName state createdAt heartbeatAt config summaryMetrics tags notes group jobType commit
  historyLineCount historyKeys user { username } project { name entityName }
}"""

RUN = f"""query Run($project: String!, $entity: String, $name: String!) {{
  project(name: $project, entityName: $entity) {{ run(name: $name) {{ ...RunParts }} }}
}}
{_RUN}"""

RUNS = f"""query Runs($project: String!, $entity: String, $filters: JSONString, $order: String, $after: String,
    $first: Int) {{
  project(name: $project, entityName: $entity) {{
    runCount(filters: $filters)
    runs(filters: $filters, order: $order, after: $after, first: $first) {{
      edges {{ node {{ ...RunParts }} }} pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}
{_RUN}"""

PROJECTS = """query Projects($entity: String, $after: String, $first: Int) {
  models(entityName: $entity, after: $after, first: $first) {
    edges { node { name entityName } } pageInfo { hasNextPage endCursor }
  }
}"""

PROJECT = """query Project($entity: String, $project: String!) {
  project(entityName: $entity, name: $project) { id }
}"""

MAKE_PROJECT = """mutation UpsertModel($entity: String!, $project: String!) {
  upsertModel(input: {entityName: $entity, name: $project}) { project { id } }
}"""

MAKE_RUN = """mutation UpsertBucket($entity: String, $project: String!, $name: String!) {
  upsertBucket(input: {entityName: $entity, modelName: $project, name: $name}) { bucket { id name } }
}"""

HISTORY = """query History($project: String!, $entity: String, $name: String!, $minStep: Int64!, $maxStep: Int64!,
    $samples: Int!) {
  project(name: $project, entityName: $entity) {
    run(name: $name) { history(minStep: $minStep, maxStep: $maxStep, samples: $samples) }
  }
}"""

SAMPLED = """query Sampled($project: String!, $entity: String, $name: String!, $specs: [JSONString!]!) {
  project(name: $project, entityName: $entity) { run(name: $name) { sampledHistory(specs: $specs) } }
}"""

# {0}: history, or events for the rows of system metrics.
LINES = """query Lines($project: String!, $entity: String, $name: String!, $samples: Int) {{
  project(name: $project, entityName: $entity) {{ run(name: $name) {{ {0}(samples: $samples) }} }}
}}"""

SYSTEM = """query SystemMetrics($project: String!, $entity: String, $name: String!) {
  project(name: $project, entityName: $entity) { run(name: $name) { systemMetrics } }
}"""

FILES = """query Files($project: String!, $entity: String, $name: String!, $names: [String], $after: String,
    $first: Int) {
  project(name: $project, entityName: $entity) {
    run(name: $name) {
      files(names: $names, after: $after, first: $first) {
        edges { node { id name sizeBytes mimetype md5 updatedAt directUrl } } pageInfo { hasNextPage endCursor }
      }
    }
  }
}"""

ARTIFACTS = """query Artifacts($project: String!, $entity: String, $name: String!, $after: String, $first: Int) {{
  project(name: $project, entityName: $entity) {{
    run(name: $name) {{
      {0}(after: $after, first: $first) {{
        totalCount edges {{ node {{ {1} }} }} pageInfo {{ hasNextPage endCursor }}
      }}
    }}
  }}
}}"""

# The run is given by its id alone: with its name, the server would take it for a run that goes on again.
UPDATE = """mutation UpsertBucket($id: String, $displayName: String, $notes: String, $tags: [String!],
    $config: JSONString, $groupName: String, $summaryMetrics: JSONString) {
  upsertBucket(input: {id: $id, displayName: $displayName, notes: $notes, tags: $tags, config: $config,
      groupName: $groupName, summaryMetrics: $summaryMetrics}) {
    bucket { id }
  }
}"""

DELETE_RUN = """mutation DeleteRun($id: ID!, $deleteArtifacts: Boolean) {
  deleteRun(input: {id: $id, deleteArtifacts: $deleteArtifacts}) { clientMutationId }
}"""

DELETE_FILES = "mutation deleteFiles($files: [ID!]!) { deleteFiles(input: {files: $files}) { success } }"

_COLLECTION = """__typename id name description createdAt updatedAt project { name entityName }
  defaultArtifactType { name } tags { edges { node { name } } }"""

_TYPE = "id name description createdAt"

TYPE = f"""query ProjectArtifactType($entity: String, $project: String!, $type: String!) {{
  project(entityName: $entity, name: $project) {{ artifactType(name: $type) {{ {_TYPE} }} }}
}}"""

TYPES = f"""query ProjectArtifactTypes($entity: String, $project: String!, $after: String, $first: Int) {{
  project(entityName: $entity, name: $project) {{
    artifactTypes(after: $after, first: $first) {{
      edges {{ node {{ {_TYPE} }} }} pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}"""

COLLECTION = f"""query ProjectArtifactCollection($entity: String, $project: String!, $type: String!, $name: String!) {{
  project(entityName: $entity, name: $project) {{
    artifactType(name: $type) {{ artifactCollection(name: $name) {{ {_COLLECTION} }} }}
  }}
}}"""

COLLECTIONS = f"""query ArtifactTypeArtifactCollections($entity: String, $project: String!, $type: String!,
    $after: String, $first: Int, $filters: JSONString, $order: String) {{
  project(entityName: $entity, name: $project) {{
    artifactType(name: $type) {{
      artifactCollections(after: $after, first: $first, filters: $filters, order: $order) {{
        totalCount edges {{ node {{ {_COLLECTION} }} }} pageInfo {{ hasNextPage endCursor }}
      }}
    }}
  }}
}}"""

PROJECT_COLLECTIONS = f"""query ProjectArtifactCollections($entity: String, $project: String!, $after: String,
    $first: Int, $filters: JSONString, $order: String) {{
  project(entityName: $entity, name: $project) {{
    artifactCollections(after: $after, first: $first, filters: $filters, order: $order) {{
      edges {{ node {{ {_COLLECTION} }} }} pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}"""

ALIASES = """query ArtifactCollectionAliases($id: ID!, $after: String, $first: Int) {
  artifactCollection(id: $id) {
    aliases(after: $after, first: $first) { edges { node { alias } } pageInfo { hasNextPage endCursor } }
  }
}"""

# Of a collection of artifacts that runs log: Sequence; of one of links: Portfolio.
UPDATE_COLLECTION = """mutation UpdateArtifact{0}($input: UpdateArtifact{0}Input!) {{
  updateArtifact{0}(input: $input) {{ artifactCollection {{ id updatedAt }} }}
}}"""

DELETE_COLLECTION = """mutation DeleteArtifact{0}($input: DeleteArtifact{0}Input!) {{
  deleteArtifact{0}(input: $input) {{ artifactCollection {{ id }} }}
}}"""

CHANGE_TYPE = """mutation UpdateArtifactSequenceType($input: MoveArtifactSequenceInput!) {
  moveArtifactSequence(input: $input) { artifactCollection { id } }
}"""

ADD_TAGS = """mutation AddArtifactCollectionTags($input: CreateArtifactCollectionTagAssignmentsInput!) {
  createArtifactCollectionTagAssignments(input: $input) { tags { name } }
}"""

TAKE_TAGS = """mutation DeleteArtifactCollectionTags($input: DeleteArtifactCollectionTagAssignmentsInput!) {
  deleteArtifactCollectionTagAssignments(input: $input) { success }
}"""
