"""What this server takes for BigQuery's SQL: sqlglot reads more than BigQuery does, so the rest is refused here."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp, tokens
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.errors import SqlglotError

from tests.loopback_bigquery.refusals import invalid_query

FUNCTIONS = frozenset(
    """ABS ANY_VALUE ARRAY_AGG ARRAY_LENGTH AVG BIT_XOR CAST CEIL COALESCE CONCAT COUNT COUNTIF COUNT_IF
    CURRENT_TIMESTAMP DATE EXP EXTRACT FARM_FINGERPRINT FLOOR GREATEST IF IFNULL LEAST LENGTH LN LOG LOWER MAX MAX_BY
    MIN MIN_BY MOD NULLIF RANK ROUND ROW_NUMBER SAFE_CAST SIGN SQRT STRING_AGG SUBSTR SUM TIMESTAMP UNNEST UPPER
    AND OR XOR NOT CASE EXISTS TRY_CAST DENSE_RANK""".split()
)
"""The functions of BigQuery that are known here, beside words that sqlglot counts as functions."""

FOREIGN = frozenset("ARG_MIN ARG_MAX ARGMIN ARGMAX LISTAGG GROUP_CONCAT COUNT_IF LIST TRY_CAST DATE_PART".split())
"""Names of other databases that sqlglot would understand."""

BEGINNINGS = frozenset("SELECT WITH INSERT UPDATE DELETE MERGE CREATE BEGIN COMMIT ROLLBACK".split())
FOREIGN_WORDS = frozenset({"ANTI", "SEMI", "ILIKE", "ASOF", "RETURNING"})


def split_script(text: str) -> Iterator[str]:
    """The statements of a script without their semicolons."""
    begin = 0
    try:
        found = BigQuery().tokenize(text)
    except SqlglotError as error:
        raise invalid_query(f"Syntax error: {error}") from error
    for token in found:
        if token.token_type is tokens.TokenType.SEMICOLON:
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
    quoted = (tokens.TokenType.STRING, tokens.TokenType.IDENTIFIER)
    for token, after in zip(found, [*found[1:], None], strict=True):
        word = token.text.upper()
        called = after is not None and after.token_type is tokens.TokenType.L_PAREN
        if token.token_type in quoted:
            continue
        if word in FOREIGN and called:
            raise invalid_query(f"Function not found: {token.text}")
        if word in FOREIGN_WORDS or token.token_type is tokens.TokenType.DCOLON:
            raise invalid_query(f'Syntax error: Unexpected keyword or sign "{token.text}"')
