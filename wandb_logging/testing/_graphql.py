"""GraphQL: runs a client's document against our schema and the store. The only importer of graphql-core.

Resolvers are registered by name (`"Run.config"`) in `_resolvers` and `_artifact_resolvers`. A field without a resolver
gives the attribute of the same name, in snake case.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, cast

from wandb_logging.testing._schema import SDL
from wandb_logging.testing._schema_artifacts import SDL as OF_ARTIFACTS
from wandb_logging.testing._store import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema

    from wandb_logging.testing._context import Context, Resolver


# Arguments with another name in Python, because their own name would hide a builtin.
_RENAMED = {"input": "values", "id": "id_"}


def execute(
    resolvers: Mapping[str, Resolver],
    context: Context,
    document: object,
    variables: object,
    operation: object,
) -> tuple[int, dict[str, Any]]:
    """Execute one request; each breach is reported to the store.

    Args:
        resolvers: `"Type.field"` to a function of the source object, the context and the field's arguments.
        context: what resolvers may use.
        document: the request's `query`.
        variables: the request's `variables`.
        operation: the request's `operationName`.

    Returns:
        HTTP status and answer.
    """
    graphql = require()
    schema = _schema(tuple(resolvers.items()))
    if not isinstance(document, str) or not isinstance(variables, (dict, type(None))):
        context.store.report("graphql", "`query` is no text or `variables` is no object")
        return 400, {"errors": [{"message": "malformed GraphQL request"}]}
    parsed, errors = _parse(schema, document)
    if errors:
        rule = "unknown-operation" if _unknown_fields(schema, parsed) else "graphql"
        context.store.report(rule, f"{operation}: {'; '.join(error.message for error in errors)}")
        return 200, {"errors": [error.formatted for error in errors]}
    result: ExecutionResult = graphql.execute_sync(
        schema,
        parsed,
        context_value=context,
        variable_values=variables,
        # The official client's public API sends an empty name.
        operation_name=operation if isinstance(operation, str) and operation else None,
    )
    return _answer(context, operation, result)


def _answer(context: Context, operation: object, result: ExecutionResult) -> tuple[int, dict[str, Any]]:
    status = 200
    for error in result.errors or []:
        cause = error.original_error
        if isinstance(cause, Refusal):
            status = max(status, cause.status)
        else:
            context.store.report("graphql", f"{operation}: {error.message}")
    return status, dict(result.formatted)


def require() -> Any:
    """The graphql package.

    Raises:
        ImportError: the package is not installed; the message says how to get it.
    """
    try:
        import graphql  # noqa: PLC0415 - an extra, and not needed to import this package
    except ImportError as error:
        raise ImportError("LocalServer needs graphql-core: pip install 'wandb-logging[testing]'") from error
    return graphql


def operation_name(request: Mapping[str, Any]) -> str | None:
    """The name of the requested operation, found without parsing GraphQL; None if the operation is anonymous."""
    named = request.get("operationName")
    if isinstance(named, str) and named:
        return named
    match = re.search(r"(?:query|mutation)\s+(\w+)", str(request.get("query")))
    return match[1] if match else None


@functools.lru_cache(maxsize=256)
def _parse(schema: GraphQLSchema, document: str) -> tuple[DocumentNode, list[GraphQLError]]:
    """Parse a document and find its errors. Results are cached, because clients send the same few documents."""
    graphql = require()
    try:
        parsed: DocumentNode = graphql.parse(document)
    except graphql.GraphQLError as error:
        return graphql.DocumentNode(definitions=()), [error]
    return parsed, graphql.validate(schema, parsed)


def _unknown_fields(schema: GraphQLSchema, document: DocumentNode) -> bool:
    """Whether the document asks for a query or mutation that the schema does not have."""
    graphql = require()
    for definition in document.definitions:
        if isinstance(definition, graphql.OperationDefinitionNode):
            root = schema.get_root_type(definition.operation)
            names = {node.name.value for node in definition.selection_set.selections if hasattr(node, "name")}
            if root is None or names - set(root.fields) - {"__schema", "__type", "__typename"}:
                return True
    return False


@functools.lru_cache(maxsize=1)
def _schema(resolvers: tuple[tuple[str, Resolver], ...]) -> GraphQLSchema:
    graphql = require()
    schema: GraphQLSchema = graphql.build_schema(SDL + OF_ARTIFACTS)
    for name, resolver in resolvers:
        type_name, field_name = name.split(".")
        schema.type_map[type_name].fields[field_name].resolve = _bind(resolver)  # type: ignore[attr-defined]
    for kind in schema.type_map.values():
        if isinstance(kind, graphql.GraphQLObjectType) and not kind.name.startswith("__"):
            for field_name, field in kind.fields.items():
                field.resolve = field.resolve or _attribute(field_name)
                for argument_name, argument in field.args.items():
                    argument.out_name = _RENAMED.get(argument_name, snake(argument_name))
        if graphql.is_abstract_type(kind):
            cast("Any", kind).resolve_type = lambda value, *_: value.graphql_type
    return schema


def _bind(resolver: Resolver) -> Resolver:
    def resolve(source: Any, info: Any, **arguments: Any) -> Any:
        return resolver(source, info.context, **arguments)

    return resolve


def _attribute(field_name: str) -> Resolver:
    attribute = snake(field_name)

    def resolve(source: Any, _info: Any, **_arguments: Any) -> Any:
        return source.get(field_name) if isinstance(source, dict) else getattr(source, attribute)

    return resolve


def snake(name: str) -> str:
    """Convert `historyLineCount` to `history_line_count`, and `artifactID` to `artifact_id`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z]+)", r"_\1", name).lower()
