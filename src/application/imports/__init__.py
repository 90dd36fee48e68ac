"""Imports: facts, members, list members, products, coupon codes and progress from NDJSON or CSV, of any length.

NDJSON has one JSON object a line. A fact is written as in `POST /v1/batch`: `{"transaction": {...}}`,
`{"event": {...}}`, `{"accept": {"id": ...}}`, ... . A member is `{"id", "tier", "attributes", "referrer"}`, a product
`{"sku", "name", "category", "brand", "price"}`, a list member `{"list", "member", "action"}` with the action `add`
(default) or `remove`, a coupon code `{"coupon", "code"}`. Progress is `{"member", "achievement", "completed", "rule",
"value", "at", "reason"}`: each row changes it as by hand.

CSV has the same names as columns, in a header; `attributes.NAME` is an attribute, where `true` and `false` are
booleans. An empty cell is nothing at all. A column `fact` says what each row is; without it a row is an event where it
has an `occurred_at`, else a transaction. Item lines do not fit into columns: transactions with items are imported as
NDJSON. Columns are separated by comma, semicolon or tab, whichever the header has most of; quotes are those of
RFC 4180.

A timestamp without an offset is in the program's time zone. Rows are numbered from 1, a header being row 1. Each row is
taken or refused by itself. What a killed import had recorded is met again and recorded once.
"""
