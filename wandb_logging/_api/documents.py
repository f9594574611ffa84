"""The questions to the server, as GraphQL documents."""

from __future__ import annotations

_RUN = """fragment RunParts on Run {
  id name displayName state createdAt heartbeatAt config summaryMetrics tags notes group jobType historyLineCount
  historyKeys user { username } project { name entityName }
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

HISTORY = """query History($project: String!, $entity: String, $name: String!, $minStep: Int64!, $maxStep: Int64!,
    $samples: Int!) {
  project(name: $project, entityName: $entity) {
    run(name: $name) { history(minStep: $minStep, maxStep: $maxStep, samples: $samples) }
  }
}"""

SAMPLED = """query Sampled($project: String!, $entity: String, $name: String!, $specs: [JSONString!]!) {
  project(name: $project, entityName: $entity) { run(name: $name) { sampledHistory(specs: $specs) } }
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
        edges {{ node {{ id artifactSequence {{ name project {{ name entityName }} }} versionIndex }} }}
        pageInfo {{ hasNextPage endCursor }}
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
