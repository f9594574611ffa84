"""GraphQL resolvers for collections of artifacts: their types, members, tags and names."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wandb_logging.testing import _filters
from wandb_logging.testing._context import Context, Resolver, connection, registrar
from wandb_logging.testing._resolvers import Project, find_project
from wandb_logging.testing._store import Refusal
from wandb_logging.testing._stored import Collection, Membership, Portfolio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wandb_logging.testing._context import _AnyResolver

    AnyCollection = Collection | Portfolio

RESOLVERS: dict[str, Resolver] = {}
resolves = registrar(RESOLVERS)
SORTING = "ARTIFACT_COLLECTIONS_FILTERING_SORTING"
_ABOUT = {"name": "name", "createdAt": "created_at", "created_at": "created_at", "description": "description"}


def _of_both(field: str) -> Callable[[_AnyResolver], _AnyResolver]:
    """A decorator that enters a resolver for a field of both kinds of collections."""

    def register(resolver: _AnyResolver) -> _AnyResolver:
        return resolves(f"ArtifactPortfolio.{field}")(resolves(f"ArtifactSequence.{field}")(resolver))

    return register


@dataclass(frozen=True)
class ArtifactType:
    """An artifact type of a project, seen through GraphQL."""

    project: Project
    name: str

    description = None
    created_at = "2026-01-01T00:00:00"

    @property
    def id(self) -> str:
        """The GraphQL id."""
        return base64.b64encode(f"ArtifactType:{self.project.id}:{self.name}".encode()).decode()


# --- finding them ---


@resolves("Query.artifactCollection")
def _by_id(_source: Any, context: Context, id_: str) -> AnyCollection | None:
    artifacts = context.store.artifacts
    there: list[AnyCollection] = [*artifacts.collections.values(), *artifacts.portfolios.values()]
    return next((each for each in there if each.id == id_), None)


def _require(context: Context, collection_id: str) -> AnyCollection:
    found = _by_id(None, context, collection_id)
    if found is None:
        context.store.report("unknown-artifact", f"no artifact collection has the id {collection_id!r}")
        raise Refusal(f"artifact collection {collection_id} not found")
    return found


@resolves("Project.artifactCollection")
def _of_project(project: Project, context: Context, name: str) -> AnyCollection | None:
    return context.store.artifacts.collection(project.entity_name, project.name, name)


@resolves("Project.artifactCollectionMembership")
def _membership(project: Project, context: Context, name: str) -> Membership | None:
    return context.store.artifacts.find(project.entity_name, project.name, name)


def _all_of(project: Project, context: Context) -> list[AnyCollection]:
    return context.store.artifacts.all_of(project.entity_name, project.name)


@resolves("Project.artifactType")
def _type(project: Project, context: Context, name: str) -> ArtifactType | None:
    return ArtifactType(project, name) if any(item.type == name for item in _all_of(project, context)) else None


@resolves("Project.artifactTypes")
def _types(project: Project, context: Context, after: str | None = None, first: int | None = None) -> Any:
    names = dict.fromkeys(item.type for item in _all_of(project, context))
    return connection([ArtifactType(project, name) for name in names], first, after)


@resolves("ArtifactType.artifactCollection")
def _of_type(kind: ArtifactType, context: Context, name: str) -> AnyCollection | None:
    collection = _of_project(kind.project, context, name)
    return collection if collection and collection.type == kind.name else None


@resolves("Project.artifactCollections")
def _collections(project: Project, context: Context, **how: Any) -> Any:
    return _page(_all_of(project, context), context, **how)


@resolves("ArtifactType.artifactCollections")
def _collections_of_type(kind: ArtifactType, context: Context, **how: Any) -> Any:
    return _page([item for item in _all_of(kind.project, context) if item.type == kind.name], context, **how)


def _page(
    found: list[AnyCollection],
    context: Context,
    *,
    after: str | None = None,
    first: int | None = None,
    filters: str | None = None,
    order: str | None = None,
) -> Any:
    if (filters or order) and SORTING not in context.store.features:
        context.store.report("feature", f"filters or an order that need {SORTING}, which the server does not offer")
    wanted = json.loads(filters or "{}")
    found = [each for each in found if _filters.matches(each, wanted, _about)]
    return connection(_filters.in_order(found, order or "-created_at", _about), first, after)


def _about(collection: AnyCollection, name: str) -> Any:
    """A value of a collection, to filter and sort by."""
    if name in ("tag", "tags"):
        return list(collection.tags)
    if name not in _ABOUT:
        raise Refusal(f"LocalServer cannot filter collections by {name!r}")
    return getattr(collection, _ABOUT[name])


# --- what they are ---


@_of_both("project")
def _project(collection: AnyCollection, context: Context) -> Project | None:
    return find_project(context, collection.entity, collection.project)


@_of_both("defaultArtifactType")
def type_of(collection: AnyCollection, context: Context) -> ArtifactType | None:
    """The type of the artifacts in a collection."""
    project = find_project(context, collection.entity, collection.project)
    return ArtifactType(project, collection.type) if project else None


@_of_both("updatedAt")
def _updated(collection: AnyCollection, _context: Context) -> str:
    return collection.created_at


@_of_both("tags")
def _tags(collection: AnyCollection, _context: Context) -> Any:
    return connection([{"id": f"tag-{tag}", "name": tag} for tag in collection.tags])


@resolves("ArtifactSequence.digestAlgorithm")
def _digest_algorithm(_source: Any, _context: Context) -> str:
    return "MANIFEST_MD5"


@_of_both("aliases")
def _aliases(collection: AnyCollection, _context: Context, after: str | None = None, first: int | None = None) -> Any:
    return connection([alias for member in collection.members for alias in alias_views(member)], first, after)


@_of_both("artifacts")
def _artifacts(
    collection: AnyCollection,
    _context: Context,
    after: str | None = None,
    first: int | None = None,
    order: str | None = None,
    **_unused: Any,
) -> Any:
    # Newest first, as the web page lists them. The versions are in the order of their numbers and of their creation.
    members = collection.members if order and not order.startswith("-") else collection.members[::-1]
    page = connection(members, first, after)
    for edge in page["edges"]:
        edge["version"], edge["node"] = edge["node"].version, edge["node"].artifact
    return page


@_of_both("artifactMembership")
def _member(collection: AnyCollection, _context: Context, alias_name: str) -> Membership | None:
    return collection.find(alias_name)


def alias_views(member: Membership) -> list[dict[str, Any]]:
    """The aliases of a version in a collection, for GraphQL."""
    collection = member.artifact_collection
    return [
        {"id": f"alias-{collection.id}-{alias}", "alias": alias, "artifactCollection": collection}
        for alias in member.aliases
    ]


@resolves("ArtifactCollectionMembership.createdAt")
def _membership_created(membership: Membership, _context: Context) -> str:
    return membership.artifact.created_at


@resolves("ArtifactCollectionMembership.id")
def _membership_id(membership: Membership, _context: Context) -> str:
    return f"membership-{membership.artifact_collection.id}-{membership.artifact.id}"


@resolves("ArtifactCollectionMembership.aliases")
def _membership_aliases(membership: Membership, _context: Context) -> list[dict[str, Any]]:
    return alias_views(membership)


# --- changing them ---


@resolves("Mutation.updateArtifactPortfolio")
@resolves("Mutation.updateArtifactSequence")
def _update(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    collection = _require(context, values.get("artifactSequenceID") or values["artifactPortfolioID"])
    if values.get("name") not in {None, collection.name}:
        context.store.artifacts.move(collection, values["name"])
    if "description" in values:
        collection.description = values["description"]
    return {"artifactCollection": collection}


@resolves("Mutation.moveArtifactSequence")
def _change_type(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    collection = _require(context, values["artifactSequenceID"])
    collection.type = values["destinationArtifactTypeName"]
    return {"artifactCollection": collection}


@resolves("Mutation.deleteArtifactPortfolio")
@resolves("Mutation.deleteArtifactSequence")
def _delete(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    collection = _require(context, values.get("artifactSequenceID") or values["artifactPortfolioID"])
    context.store.artifacts.drop(collection)
    return {"artifactCollection": collection}


def _named(context: Context, values: Mapping[str, Any]) -> AnyCollection:
    place = (values["entityName"], values["projectName"], values["artifactCollectionName"])
    found = context.store.artifacts.collection(*place)
    if found is None:
        raise Refusal(f"artifact collection {'/'.join(place)} not found")
    return found


@resolves("Mutation.createArtifactCollectionTagAssignments")
def _add_tags(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    collection = _named(context, values)
    collection.tags = list(dict.fromkeys([*collection.tags, *(item["tagName"] for item in values["tags"])]))
    return {"tags": [{"id": f"tag-{tag}", "name": tag} for tag in collection.tags]}


@resolves("Mutation.deleteArtifactCollectionTagAssignments")
def _take_tags(_source: Any, context: Context, values: Mapping[str, Any]) -> Any:
    collection, gone = _named(context, values), {item["tagName"] for item in values["tags"]}
    collection.tags = [tag for tag in collection.tags if tag not in gone]
    return {"success": True}
