"""The part of W&B's GraphQL schema that clients use here, in our own words. Data only; imports nothing.

Types and nullability follow the documents that the official SDK 0.31.0 sends: a variable declared `String!`
there needs an argument here that takes it.
"""

SDL = """
scalar JSON
scalar JSONString
scalar Int64
scalar Duration
scalar DateTime

enum AlertSeverity { INFO WARN ERROR }
enum ArtifactDigestAlgorithm { MANIFEST_MD5 MANIFEST_XXH128 }
enum ArtifactManifestType { FULL PATCH INCREMENTAL }
enum ArtifactStorageLayout { V1 V2 }
enum ArtifactState { PENDING COMMITTED DELETED }
enum RampIDType { OrgName EntityName UserName }

type Query {
  viewer: User
  serverInfo: ServerInfo
  entity(name: String): Entity
  organization(name: String!): Organization
  project(name: String, entityName: String): Project
  model(name: String, entityName: String): Project
  models(entityName: String, after: String, first: Int): ProjectConnection
  artifact(id: ID!): Artifact
  artifactCollection(id: ID!): ArtifactCollection
  clientIDMapping(clientID: ID!): ClientIDMapping
}

type Mutation {
  upsertBucket(input: UpsertBucketInput!): UpsertBucketPayload
  upsertModel(input: UpsertModelInput!): UpsertModelPayload
  rewindRun(input: RewindRunInput!): RewindRunPayload
  stopRun(input: StopRunInput!): SuccessPayload
  deleteRun(input: DeleteRunInput!): DeletePayload
  deleteFiles(input: DeleteFilesInput!): SuccessPayload
  createRunFiles(input: CreateRunFilesInput!): CreateRunFilesPayload
  markRunFilesUploaded(input: MarkRunFilesUploadedInput!): SuccessPayload
  notifyScriptableRunAlert(input: NotifyScriptableRunAlertInput!): SuccessPayload
  createArtifact(input: CreateArtifactInput!): CreateArtifactPayload
  createArtifactManifest(input: CreateArtifactManifestInput!): CreateArtifactManifestPayload
  updateArtifactManifest(input: UpdateArtifactManifestInput!): CreateArtifactManifestPayload
  createArtifactFiles(input: CreateArtifactFilesInput!): CreateArtifactFilesPayload
  completeMultipartUploadArtifact(
    input: CompleteMultipartUploadArtifactInput!
  ): CompleteMultipartUploadArtifactPayload
  commitArtifact(input: CommitArtifactInput!): ArtifactPayload
  updateArtifact(input: UpdateArtifactInput!): ArtifactPayload
  useArtifact(input: UseArtifactInput!): ArtifactPayload
  linkArtifact(input: LinkArtifactInput!): LinkArtifactPayload
  unlinkArtifact(input: UnlinkArtifactInput!): SuccessPayload
  updateArtifactSequence(input: UpdateArtifactSequenceInput!): ArtifactCollectionPayload
  updateArtifactPortfolio(input: UpdateArtifactPortfolioInput!): ArtifactCollectionPayload
  moveArtifactSequence(input: MoveArtifactSequenceInput!): ArtifactCollectionPayload
  deleteArtifactSequence(input: DeleteArtifactSequenceInput!): ArtifactCollectionPayload
  deleteArtifactPortfolio(input: DeleteArtifactPortfolioInput!): ArtifactCollectionPayload
  createArtifactCollectionTagAssignments(
    input: CreateArtifactCollectionTagAssignmentsInput!
  ): CollectionTagsPayload
  deleteArtifactCollectionTagAssignments(
    input: DeleteArtifactCollectionTagAssignmentsInput!
  ): SuccessPayload
  deleteArtifact(input: DeleteArtifactInput!): ArtifactPayload
  addAliases(input: AddAliasesInput!): SuccessPayload
  deleteAliases(input: DeleteAliasesInput!): SuccessPayload
}

# --- people and places ---

type ServerInfo { features: [ServerFeature]! cliVersionInfo: JSON latestLocalVersionInfo: JSON }
type ServerFeature { name: String! isEnabled: Boolean! }
type ClientIDMapping { serverID: ID! }
type PageInfo { hasNextPage: Boolean! endCursor: String }

type User {
  id: ID!
  name: String
  username: String
  email: String
  entity: String
  flags: JSONString
  admin: Boolean
  deletedAt: DateTime
  teams: TeamConnection
  apiKeys: ApiKeyConnection
  organizations: [Organization!]
}
type TeamConnection { edges: [TeamEdge!]! }
type TeamEdge { node: Entity }
type ApiKeyConnection { edges: [ApiKeyEdge!]! }
type ApiKeyEdge { node: ApiKey }
type ApiKey { id: ID! name: String description: String }

type Entity {
  id: ID!
  name: String!
  isTeam: Boolean
  entityType: String
  organization: Organization
  user: User
  xxhashDigestsEnabled: Boolean
  project(name: String): Project
}
type Organization {
  id: ID!
  name: String!
  orgEntity: Entity
  coreWeaveOrganizationId: String
  featureFlags(rampIDType: RampIDType!): [FeatureFlag!]!
}
type FeatureFlag { rampKey: String! isEnabled: Boolean! }

type ProjectConnection { edges: [ProjectEdge!]! pageInfo: PageInfo! }
type ProjectEdge { node: Project cursor: String! }
type Project {
  id: ID!
  internalId: ID!
  name: String!
  entityName: String!
  entity: Entity!
  description: String
  createdAt: DateTime!
  access: String
  views: JSONString
  isBenchmark: Boolean!
  readOnly: Boolean
  user: User
  run(name: String!): Run
  bucket(name: String!, missingOk: Boolean): Run
  runs(filters: JSONString, order: String, after: String, first: Int): RunConnection
  runCount(filters: JSONString): Int!
  totalSweeps: Int!
  artifact(name: String!): Artifact
  artifactType(name: String!): ArtifactType
  artifactTypes(after: String, first: Int): ArtifactTypeConnection
  artifactCollection(name: String!): ArtifactCollection
  artifactCollections(after: String first: Int filters: JSONString order: String): ArtifactCollectionConnection
  artifactCollectionMembership(name: String!): ArtifactCollectionMembership
}

# --- runs ---

type RunConnection { edges: [RunEdge!]! pageInfo: PageInfo! totalCount: Int! }
type RunEdge { node: Run! cursor: String! }
type Run {
  id: ID!
  name: String!
  displayName: String
  description: String
  notes: String
  tags: [String!]
  group: String
  jobType: String
  commit: String
  host: String
  sweepName: String
  state: String
  stopped: Boolean
  readOnly: Boolean
  createdAt: DateTime!
  heartbeatAt: DateTime
  config: JSONString
  wandbConfig(keys: [String!]): JSONString
  summaryMetrics: JSONString
  systemMetrics: JSONString
  historyLineCount: Int
  eventsLineCount: Int
  logLineCount: Int
  historyTail: JSONString
  eventsTail: JSONString
  historyKeys: JSON
  history(minStep: Int64, maxStep: Int64, samples: Int): [String!]
  events(samples: Int): [String!]
  sampledHistory(specs: [JSONString!]!): [JSON]
  parquetHistory(liveKeys: [String!]!): ParquetHistory
  logLines(first: Int, after: String, last: Int, useImprovedPagination: Boolean): LogLineConnection
  user: User
  project: Project!
  projectId: Int!
  fileCount: Int
  files(names: [String], pattern: String, after: String, first: Int): FileConnection
  outputArtifacts(after: String, first: Int): ArtifactConnection
  inputArtifacts(after: String, first: Int): ArtifactConnection
}
type ParquetHistory { parquetUrls: [String!]! liveData: [JSON] }
type LogLineConnection { edges: [LogLineEdge!]! pageInfo: PageInfo! }
type LogLineEdge { node: LogLine! cursor: String! }
type LogLine { number: Int! timestamp: DateTime level: String label: String line: String! }
type FileConnection { edges: [FileEdge!]! pageInfo: PageInfo! totalCount: Int! }
type FileEdge { node: File cursor: String! }
type File {
  id: ID!
  name: String!
  displayName: String
  url(upload: Boolean): String
  directUrl: String!
  uploadUrl: String
  uploadHeaders: [String!]
  sizeBytes: Int64!
  mimetype: String
  updatedAt: DateTime
  storagePath: String
  md5: String
  digest: String
}

input UpsertBucketInput {
  id: String
  name: String
  modelName: String
  entityName: String
  groupName: String
  description: String
  displayName: String
  notes: String
  commit: String
  config: JSONString
  host: String
  debug: Boolean
  jobProgram: String
  jobRepo: String
  jobType: String
  state: String
  sweep: String
  tags: [String!]
  summaryMetrics: JSONString
  clientMutationId: String
}
type UpsertBucketPayload { bucket: Run inserted: Boolean }
input UpsertModelInput {
  id: String
  name: String
  entityName: String
  description: String
  access: String
  views: JSONString
  clientMutationId: String
}
type UpsertModelPayload { project: Project model: Project inserted: Boolean }
input RewindRunInput {
  runName: String!
  entityName: String
  projectName: String
  metricName: String!
  metricValue: Float!
  clientMutationId: String
}
type RewindRunPayload { rewoundRun: Run }
input StopRunInput { id: ID! clientMutationId: String }
input DeleteRunInput { id: ID! deleteArtifacts: Boolean clientMutationId: String }
type DeletePayload { clientMutationId: String }
input DeleteFilesInput { files: [ID!]! projectId: Int entityName: String projectName: String clientMutationId: String }
type SuccessPayload { success: Boolean }
input CreateRunFilesInput {
  entityName: String!
  projectName: String!
  runName: String!
  files: [String!]!
  clientMutationId: String
}
type CreateRunFilesPayload { runID: ID! uploadHeaders: [String!]! files: [File!]! }
input MarkRunFilesUploadedInput {
  entityName: String!
  projectName: String!
  runName: String!
  files: [String!]!
  clientMutationId: String
}
input NotifyScriptableRunAlertInput {
  entityName: String!
  projectName: String!
  runName: String!
  title: String!
  text: String!
  severity: AlertSeverity
  waitDuration: Duration
  clientMutationId: String
}
"""
