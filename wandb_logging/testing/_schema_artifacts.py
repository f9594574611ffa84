"""The part of W&B's GraphQL schema that is about artifacts, in our own words. Data only; imports nothing."""

# What a collection of either kind has; the language wants it said in each.
_COLLECTION = """  id: ID!
  name: String!
  description: String
  createdAt: DateTime!
  updatedAt: DateTime
  state: String
  project: Project
  defaultArtifactType: ArtifactType!
  tags: TagConnection!
  aliases(after: String, first: Int): ArtifactAliasConnection!
  artifacts(after: String, first: Int, order: String, filters: JSONString): VersionedArtifactConnection
  artifactMembership(aliasName: String!): ArtifactCollectionMembership
"""

SDL = """
type ArtifactTypeConnection { edges: [ArtifactTypeEdge!]! pageInfo: PageInfo! }
type ArtifactTypeEdge { node: ArtifactType cursor: String! }
type ArtifactType {
  id: ID!
  name: String!
  description: String
  createdAt: DateTime!
  artifactCollection(name: String!): ArtifactCollection
  artifactCollections(
    after: String
    first: Int
    filters: JSONString
    order: String
  ): ArtifactCollectionConnection
}
type ArtifactCollectionConnection { edges: [ArtifactCollectionEdge!]! pageInfo: PageInfo! totalCount: Int! }
type ArtifactCollectionEdge { node: ArtifactCollection cursor: String! }

interface ArtifactCollection {
  COLLECTION
}
type ArtifactSequence implements ArtifactCollection {
  COLLECTION
  digestAlgorithm: ArtifactDigestAlgorithm
  latestArtifact: Artifact
}
type ArtifactPortfolio implements ArtifactCollection {
  COLLECTION
}
type TagConnection { edges: [TagEdge!]! }
type TagEdge { node: Tag! }
type Tag { id: ID! name: String! }
type ArtifactAliasConnection { edges: [ArtifactAliasEdge!]! pageInfo: PageInfo! }
type ArtifactAliasEdge { node: ArtifactAlias cursor: String! }
type ArtifactAlias { id: ID! alias: String! artifactCollection: ArtifactCollection }

type ArtifactCollectionMembership {
  id: ID!
  versionIndex: Int
  createdAt: DateTime!
  aliases: [ArtifactAlias!]!
  artifactCollection: ArtifactCollection
  artifact: Artifact
  files(names: [String!], after: String, first: Int): FileConnection
}
type ArtifactCollectionMembershipConnection {
  edges: [ArtifactCollectionMembershipEdge!]!
  pageInfo: PageInfo!
}
type ArtifactCollectionMembershipEdge { node: ArtifactCollectionMembership cursor: String! }

type ArtifactConnection { edges: [ArtifactEdge!]! pageInfo: PageInfo! totalCount: Int! }
type ArtifactEdge { node: Artifact cursor: String! }
type VersionedArtifactConnection { edges: [VersionedArtifactEdge!]! pageInfo: PageInfo! totalCount: Int! }
type VersionedArtifactEdge { node: Artifact! version: String! cursor: String! }
type Artifact {
  id: ID!
  state: ArtifactState!
  digest: String!
  digestAlgorithm: ArtifactDigestAlgorithm
  versionIndex: Int
  description: String
  metadata: JSONString
  commitHash: String
  size: Int64!
  fileCount: Int64!
  createdAt: DateTime!
  updatedAt: DateTime
  historyStep: Int64
  ttlDurationSeconds: Int64
  ttlIsInherited: Boolean
  tags: [Tag!]
  aliases: [ArtifactAlias!]!
  artifactSequence: ArtifactSequence!
  artifactType: ArtifactType!
  artifactMemberships: ArtifactCollectionMembershipConnection!
  currentManifest: ArtifactManifest
  files(names: [String!], after: String, first: Int): FileConnection
  filesByManifestEntries(
    entries: [ArtifactManifestEntryInput!]
    storageLayout: String!
    manifestVersion: String!
    storageRegion: String
    after: String
    first: Int
  ): FileConnection
  createdBy: Creator
  usedBy: RunConnection!
}
union Creator = Run | User
type ArtifactManifest { id: ID! digest: String! file: File! }

input ArtifactAliasInput { artifactCollectionName: String! alias: String! }
input TagInput { tagName: String! tagCategoryName: String attributes: JSONString }
input ArtifactManifestEntryInput { name: String! digest: String! birthArtifactID: String }
input CreateArtifactInput {
  entityName: String!
  projectName: String!
  runName: String
  artifactTypeName: String!
  artifactCollectionName: String
  artifactCollectionNames: [String!]
  digest: String!
  digestAlgorithm: ArtifactDigestAlgorithm!
  description: String
  metadata: JSONString
  aliases: [ArtifactAliasInput!]
  tags: [TagInput!]
  enableDigestDeduplication: Boolean
  clientID: ID
  sequenceClientID: ID
  distributedID: String
  historyStep: Int64
  ttlDurationSeconds: Int64
  storageRegion: String
  labels: JSONString
  clientMutationId: String
}
type CreateArtifactPayload { artifact: Artifact! }
input CreateArtifactManifestInput {
  artifactID: ID!
  baseArtifactID: ID
  name: String!
  digest: String!
  entityName: String!
  projectName: String!
  runName: String!
  type: ArtifactManifestType
  clientMutationId: String
}
input UpdateArtifactManifestInput {
  artifactManifestID: ID!
  digest: String
  baseArtifactID: ID
  clientMutationId: String
}
type CreateArtifactManifestPayload { artifactManifest: ArtifactManifest! }
input CreateArtifactFilesInput {
  artifactFiles: [CreateArtifactFileSpecInput!]!
  storageLayout: ArtifactStorageLayout
  cloudRegionID: String
  clientMutationId: String
}
input CreateArtifactFileSpecInput {
  artifactID: ID!
  artifactManifestID: ID
  name: String!
  md5: String!
  mimetype: String
  uploadPartsInput: [UploadPartsInput!]
}
input UploadPartsInput { partNumber: Int64! hexMD5: String! }
enum CompleteMultipartAction { Complete Abort }
input CompleteMultipartUploadArtifactInput {
  completeMultipartAction: CompleteMultipartAction!
  completedParts: [UploadPartsInput!]!
  artifactID: ID!
  storagePath: String!
  uploadID: String!
  clientMutationId: String
}
type CompleteMultipartUploadArtifactPayload { digest: String }
type CreateArtifactFilesPayload { files: UploadConnection! }
type UploadConnection { edges: [UploadEdge!]! }
type UploadEdge { node: UploadFile }
type UploadFile {
  id: ID!
  name: String!
  storagePath: String
  uploadUrl: String
  uploadHeaders: [String!]
  uploadMultipartUrls: UploadMultipartUrls
  artifact: Artifact
}
type UploadMultipartUrls { uploadID: ID! uploadUrlParts: [UploadUrlPart!]! }
type UploadUrlPart { partNumber: Int64! uploadUrl: String! }
input CommitArtifactInput { artifactID: ID! clientMutationId: String }
input UpdateArtifactInput {
  artifactID: ID!
  description: String
  metadata: JSONString
  ttlDurationSeconds: Int64
  tagsToAdd: [TagInput!]
  tagsToDelete: [TagInput!]
  clientMutationId: String
}
input UseArtifactInput {
  artifactID: ID!
  entityName: String!
  projectName: String!
  runName: String!
  artifactEntityName: String
  artifactProjectName: String
  usedAs: String
  clientMutationId: String
}
input LinkArtifactInput {
  artifactPortfolioName: String!
  entityName: String!
  projectName: String!
  aliases: [ArtifactAliasInput!]
  artifactID: ID
  clientID: ID
  clientMutationId: String
}
input UnlinkArtifactInput { artifactID: ID! artifactPortfolioID: ID! clientMutationId: String }
input UpdateArtifactSequenceInput {
  artifactSequenceID: ID!
  name: String
  description: String
  clientMutationId: String
}
input UpdateArtifactPortfolioInput {
  artifactPortfolioID: ID!
  name: String
  description: String
  clientMutationId: String
}
input MoveArtifactSequenceInput {
  artifactSequenceID: ID!
  destinationArtifactTypeName: String!
  clientMutationId: String
}
input DeleteArtifactSequenceInput { artifactSequenceID: ID! clientMutationId: String }
input DeleteArtifactPortfolioInput { artifactPortfolioID: ID! clientMutationId: String }
type ArtifactCollectionPayload { artifactCollection: ArtifactCollection }
input CreateArtifactCollectionTagAssignmentsInput {
  entityName: String!
  projectName: String!
  artifactCollectionName: String!
  tags: [TagInput!]!
  clientMutationID: String
}
input DeleteArtifactCollectionTagAssignmentsInput {
  entityName: String!
  projectName: String!
  artifactCollectionName: String!
  tags: [TagInput!]!
  clientMutationID: String
}
type CollectionTagsPayload { tags: [Tag!]! }
type LinkArtifactPayload { versionIndex: Int artifactMembership: ArtifactCollectionMembership }
input DeleteArtifactInput { artifactID: ID! deleteAliases: Boolean clientMutationId: String }
input ArtifactCollectionAliasInput {
  alias: String!
  artifactCollectionName: String!
  entityName: String
  projectName: String
}
input AddAliasesInput {
  artifactID: ID!
  aliases: [ArtifactCollectionAliasInput!]!
  clientMutationId: String
}
input DeleteAliasesInput {
  artifactID: ID!
  aliases: [ArtifactCollectionAliasInput!]!
  clientMutationId: String
}
type ArtifactPayload { artifact: Artifact! }
""".replace("  COLLECTION\n", _COLLECTION)
