"""What generated expressions are made of: templates for each kind of value, and pools of literals.

`<number>` stands for any expression of that kind, `<truth#>` for one inside a predicate, `<:spans>` for one literal
of a pool. A template that stands there more than once is taken more often.
"""

POOLS = {
    "compare": ("==", "!=", "<", "<=", ">", ">="),
    "path": (
        *("result.a", "result.rate", "result.name", "result.codes", "result.nested.deep", "result['ok']", "result[0]"),
        *(
            "result?.nested?.none",
            "result[-1]",
            "result[0].value",
            "result[1][0]",
            "result.data[0].p99",
            "result.missing",
        ),
        *("result.nested?.x?.y", "result[0].Values[0]", "result.codes[2]", "result?.[0]", "result['na' + 'me']"),
        *("result.a.b", "$env.result", "$env['result']"),
    ),
    "string": (
        *('"a"', '"abc"', "'12'", '""', '"1.5"', '"a,b"', "`raw`", '"h\\u00e9"', '"x\\ty"', '"success"', '"^a.*c$"'),
        *('"[0-9]+"', '" pad "', '"NaN"', '"-7"', '"1e3"', '"\\x41\\101"', '"5m"', '"desc"', '"asc"', '"("'),
        *('"{\\"k\\": [1, 2.5, null]}"', "'it\\'s'", "b'ab'"),
    ),
    "integer": (
        *("0", "1", "2", "3", "-1", "7", "10", "100", "1_000", "0xff", "0b101", "0o17", "63", "64"),
        "9223372036854775807",
    ),
    "float": ("0.0", "0.5", "1.0", "1.5", "2.5", "-0.25", ".5", "1e3", "1e-7", "99.9", "1e300", "3.", "0.1"),
    "operator": ("+", "-", "*", "/", "%", "**", "^"),
    "join": ("&&", "||", "and", "or", "==", "!="),
    "not": ("!", "not "),
    "texts": ("contains", "startsWith", "endsWith", "matches", "not matches", "not contains", "==", "<", ">="),
    "in": ("in", "not in"),
    "holder": ('["a", "b"]', '["web"]', "result", '{"a": 1}', "[1, 2, 3]", "1..5", "[1.0, 2]"),
    "span": ('duration("5m")', 'duration("1h30m")', 'duration("-1.5s")', 'duration("250ms")', 'duration("x")'),
    "date": ('date("2023-08-14")', 'date("2024-02-29 13:14:15")', 'date("2023-08-14T10:00:00+02:00")'),
    "unit": ("Seconds", "Hours", "Minutes", "Milliseconds"),
    "convert": ("asInt", "asFloat", "int", "float"),
    "round": ("abs", "ceil", "floor", "round"),
    "aggregate": ("max", "min", "mean", "median"),
    "bits": ("bitand", "bitor", "bitxor", "bitnand", "bitshl", "bitshr", "bitushr"),
    "quantifier": ("all", "any", "none", "one", "all", "any"),
    "finder": ("findIndex", "find", "findLastIndex", "findLast"),
    "initial": ("", ", 0", ", nil", ", 0.5"),
    "case": ("trim", "upper", "lower", "trimPrefix", "trimSuffix", "toBase64"),
    "cut": ("1:", ":2", "1:3", "-2:", ":", "0:-1", "-1:", "0:1"),
    "position": ("0", "-1", "1", "9"),
    "glue": ("", ', "-"', ', ""'),
    "order": ("", ', "desc"', ', "asc"'),
    "separator": ('","', '""', '"b"'),
    "times": ("", ", 1", ", 2", ", -1", ", 0"),
    "repeat": ("0", "1", "3", "-1", "2000000"),
    "first": ("1", "0", "-2", "3"),
    "last": ("3", "5", "0", "10", "2000000"),
    "key": ("a", '"b"', "3", '("x" + "y")'),
    "pairs": ('[["a", 1]]', 'toPairs({"k": 2})', "[[1, 2], [1.0, 3]]", "[1..2]", "[[nil, true]]"),
    "name": ("x", "y", "z"),
    "pipe": ("upper()", "trim()", "lower()", "repeat(2)", "len()", 'split(",")'),
    "array": ("[]", "[1, 2, 3]", "result", "[1.5, 2]", '["a"]', "1..3", "[nil]", '["b", "a"]', "[[1], [2, 3]]"),
}

LEAVES = {
    "truth": ("true", "false", "result == nil", "isNil(result)", "result > 1", "result", "1 < 2"),
    "number": (*POOLS["integer"], *POOLS["float"]),
    "text": POOLS["string"],
    "array": POOLS["array"],
    "map": ("{}", '{"a": 1}', "result", "{a: 1, b: 2.5}"),
    "time": (*POOLS["span"], *POOLS["date"]),
    "any": ("result", "nil", "default(result, 0)", *POOLS["path"]),
}
"""What stands where nothing deeper may."""

TEMPLATES = {
    "truth": (
        *("<number> <:compare> <number>",) * 4,
        *("<any> <:compare> <number>",) * 3,
        *("<truth> <:join> <truth>",) * 3,
        *("<:quantifier>(<array>, <truth#>)",) * 2,
        "<array> | <:quantifier>(<truth#>)",
        "<:quantifier>(<array>, <truth#>) <:join> <:quantifier>(<array>, <truth#>)",
        "all(result, <truth#>) && all(result, <truth#>)",
        "<:not><truth>",
        *("<text> <:texts> <text>",) * 2,
        "<any> <:in> <array>",
        "<number> <:in> <:holder>",
        "<any> <:in> <:holder>",
        "isNaN(<number>) || isInf(<any>)",
        "<array> <:compare> <array>",
        "<map> <:compare> <map>",
        "<time> <:compare> <time>",
        "count(<array>, <truth#>) <:compare> <:integer>",
        "<truth> ? <truth> : <truth>",
        "<number> < <number> <= <number>",
        "hasPrefix(<text>, <text>) or hasSuffix(<text>, <text>)",
    ),
    "number": (
        *("<:integer>", "<:float>", "<any>") * 3,
        *("<number> <:operator> <number>",) * 4,
        *("-<number>", "bitnot(<number>)", "<text> | len()"),
        "<:round>(<number>)",
        *("<:convert>(<number>)", "<:convert>(<text>)", "len(<array>)", "len(<text>)", "len(<any>)"),
        *("<:aggregate>(<array>)", "sum(<array>)", "<:aggregate>(<number>, <number>)"),
        *("sum(<array>, <number#>)", "count(<array>, <truth#>)", "<:finder>(<array>, <truth#>)"),
        *(
            "reduce(<array>, #acc + #<:initial>)",
            "sum(map(<array>, <number#>))",
            "sum(<:first>..<:last>, # * <:integer>)",
        ),
        *("<:bits>(<number>, <:integer>)", "indexOf(<text>, <text>)", "lastIndexOf(<text>, <text>)"),
        *("<:span>.<:unit>()", "filter(<array>, <truth#>)[<:position>]", "len(filter(<array>, <truth#>))"),
    ),
    "text": (
        *("<:string>",) * 6,
        *("<text> + <text>", "string(<number>)", "string(<any>)", "string(<array>)", "string(<map>)", "type(<any>)"),
        *("<:case>(<text>)", "trim(<text>, <text>)", "trimPrefix(<text>, <text>)", "toJSON(<any>)", "toJSON(<array>)"),
        *("join(<array><:glue>)", "replace(<text>, <:string>, <:string><:times>)", "repeat(<text>, <:repeat>)"),
        *("<text>[<:cut>]", 'fromBase64("YWJj")', "fromBase64(<text>)", "<text> | <:pipe>", "<any>"),
    ),
    "array": (
        *("result",) * 4,
        *("<:array>", "[<number>, <number>]", "[<text>]", "[<any>, <number>, <text>]", "[<array>]", "[<truth>, <any>]"),
        *(
            "<:first>..<:last>",
            "filter(<array>, <truth#>)",
            "sortBy(<array>, <number#><:order>)",
            "sort(<array><:order>)",
        ),
        *("map(<array>, <number#>)", "map(<array>, <any#>)", "map(filter(<array>, <truth#>), <number#>)"),
        *(
            "reverse(<array>)",
            "uniq(<array>)",
            "flatten(<array>)",
            "concat(<array>, <array>)",
            "take(<array>, <:position>)",
        ),
        *("split(<text>, <:separator><:times>)", "splitAfter(<text>, <:separator><:times>)", "sort(keys(<map>))"),
        *(
            'toPairs({"a": 1})',
            "<array>[<:cut>]",
            "groupBy(<array>, <any#>)[<any>]",
            "filter(filter(<array>, <truth#>), <truth#>)",
        ),
    ),
    "map": (
        *("result",) * 3,
        *("{<:key>: <any>, c: <number>}", "{a: 1, a: 2}", "groupBy(<array>, <any#>)", "fromPairs(<:pairs>)"),
        *('fromJSON("{}")', 'fromJSON(`{"a": [1, {"b": null}]}`)'),
    ),
    "time": (
        *("<:span>", "<:date>") * 2,
        *("<:date> + <:span>", "<:date> - <:span>", "<:date> - <:date>", "<:span> + <:span>", "<:span> * <number>"),
        *("<number> * <:span>", "<:span> / <number>"),
    ),
    "any": (
        *("result", "<:path>") * 3,
        *("<any> ?? <number>", "<truth> ? <any> : <number>", "find(<array>, <truth#>)", "get(<map>, <text>)"),
        *(
            "first(<array>)",
            "last(<array>)",
            "fromJSON(<text>)",
            "<array>[<number>]",
            "first(filter(<array>, <truth#>))",
        ),
        *("if <truth> { <any> } else { <text> }", "reduce(<array>, <number#><:initial>)", "default(<any>, <number>)"),
        *("let <:name> = <number>; <any>", "let <:name> = <array>; <any>", "let <:name> = <any>; <truth>"),
    ),
}

POINTERS = (*("#",) * 9, ".value", ".p99", "#index", "#acc", ".name")
SWAPPED = ("result", "#", "#index", "#acc", "x", "y")
SWAPPED_FOR = (*SWAPPED, "1", '"a"', "nil", "1.5")
JUNK = (*"()[]{}.,:;?!=<>+-*/%^&|#'\"` _$0a1", "not", "in", "let", "??", "?.", "..", "nil", "::", "if", "\\", "é", "**")
