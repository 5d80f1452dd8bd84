"""What this server takes for BigQuery's SQL: sqlglot reads more than BigQuery does, so the rest is refused here."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import TokenType

from tests.loopback_bigquery.refusals import invalid_query

FUNCTIONS = frozenset(
    {
        "ABS",
        "AND",
        "ANY_VALUE",
        "ARG_MAX",
        "ARG_MIN",
        "ARRAY",
        "ARRAY_AGG",
        "ARRAY_LENGTH",
        "AVG",
        "BITWISE_XOR_AGG",
        "BIT_XOR",
        "CASE",
        "CAST",
        "CEIL",
        "COALESCE",
        "CONCAT",
        "COUNT",
        "COUNTIF",
        "COUNT_IF",
        "CURRENT_TIMESTAMP",
        "DATE",
        "DENSE_RANK",
        "ERROR",
        "EXISTS",
        "EXP",
        "EXTRACT",
        "FARM_FINGERPRINT",
        "FLOOR",
        "GREATEST",
        "GROUP_CONCAT",
        "IF",
        "IFNULL",
        "LEAST",
        "LENGTH",
        "LN",
        "LOG",
        "LOWER",
        "MAX",
        "MAX_BY",
        "MIN",
        "MIN_BY",
        "MOD",
        "NOT",
        "NULLIF",
        "OR",
        "RANK",
        "ROUND",
        "ROW_NUMBER",
        "SAFE_CAST",
        "SIGN",
        "SQRT",
        "STRING_AGG",
        "SUBSTR",
        "SUM",
        "TIMESTAMP",
        "TRY_CAST",
        "UNNEST",
        "UPPER",
        "XOR",
    }
)
"""The functions of BigQuery that are known here, beside words that sqlglot counts as functions."""

FOREIGN = frozenset(
    {"ARG_MIN", "ARG_MAX", "ARGMIN", "ARGMAX", "LISTAGG", "GROUP_CONCAT", "COUNT_IF", "LIST", "TRY_CAST", "DATE_PART"}
)
"""Names of other databases that sqlglot would understand."""

BEGINNINGS = frozenset(
    {"SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "BEGIN", "COMMIT", "ROLLBACK"}
)
FOREIGN_WORDS = frozenset({"ANTI", "SEMI", "ILIKE", "ASOF", "RETURNING"})
RESERVED = frozenset(
    {
        "AT",
        "CONTAINS",
        "DEFINE",
        "ENUM",
        "FETCH",
        "GROUPS",
        "HASH",
        "LOOKUP",
        "NEW",
        "NO",
        "OF",
        "PROTO",
        "SOME",
        "TO",
        "TREAT",
    }
)
"""Words that BigQuery keeps to itself: they name something between backticks only."""


@lru_cache(maxsize=256)
def split_script(text: str) -> tuple[str, ...]:
    """The statements of a script without their semicolons."""
    return tuple(_split(text))


def _split(text: str) -> Iterator[str]:
    begin = 0
    try:
        found = BigQuery().tokenize(text)
    except SqlglotError as error:
        raise invalid_query(f"Syntax error: {error}") from error
    for token in found:
        if token.token_type is TokenType.SEMICOLON:
            yield text[begin : token.start].strip()
            begin = token.end + 1
    if text[begin:].strip():
        yield text[begin:].strip()


def parse(text: str) -> exp.Expr:
    _refuse_foreign_words(text)
    if text.split(maxsplit=1)[0].upper() not in BEGINNINGS:
        raise invalid_query(f"Syntax error or, to this loopback server, unknown: {text[:40]}")
    try:
        [parsed] = BigQuery().parse(text)
    except SqlglotError as error:
        raise invalid_query(f"Syntax error: {error}") from error
    assert parsed is not None
    for function in parsed.find_all(exp.Func):
        names = {function.name.upper()} if isinstance(function, exp.Anonymous) else set(function.sql_names())
        if not names & FUNCTIONS:
            raise invalid_query(f"Function not found: {', '.join(sorted(names))}")
    return parsed


def _refuse_foreign_words(text: str) -> None:
    try:
        found = BigQuery().tokenize(text)
    except SqlglotError as error:
        raise invalid_query(f"Syntax error: {error}") from error
    quoted = (TokenType.STRING, TokenType.IDENTIFIER)
    for token, after in zip(found, [*found[1:], None], strict=True):
        word = token.text.upper()
        called = after is not None and after.token_type is TokenType.L_PAREN
        if token.token_type in quoted:
            continue
        if word in FOREIGN and called:
            raise invalid_query(f"Function not found: {token.text}")
        if word in FOREIGN_WORDS | RESERVED or token.token_type is TokenType.DCOLON:
            raise invalid_query(f'Syntax error: Unexpected keyword or sign "{token.text}"')
