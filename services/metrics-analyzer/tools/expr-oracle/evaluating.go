package main

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/parser"
)

// evaluated answers as Argo Rollouts would: compiled against an environment of the live result, then run.
func evaluated(expression string, result any) (answer string) {
	defer func() {
		if crash := recover(); crash != nil {
			answer = "!crash"
		}
	}()
	environment := map[string]any{
		"result":  result,
		"asInt":   asInt,
		"asFloat": asFloat,
		"isNaN":   math.IsNaN,
		"isInf":   func(f float64) bool { return math.IsInf(f, 0) },
		"isNil":   func(any) bool { return absent(result) },
		"default": func(_ any, other any) any {
			if absent(result) {
				return other
			}
			return result
		},
	}
	if _, err := parser.Parse(expression); err != nil && !strings.Contains(err.Error(), "exceeds maximum allowed nodes") {
		return "!syntax"
	}
	program, err := expr.Compile(expression, expr.Env(environment))
	if err != nil {
		return "!" + kindOf(err.Error())
	}
	value, err := expr.Run(program, environment)
	if err != nil {
		return "!" + kindOf(err.Error())
	}
	return shown(value)
}

func absent(value any) bool {
	if value == nil {
		return true
	}
	switch found := reflect.ValueOf(value); found.Kind() {
	case reflect.Map, reflect.Slice:
		return found.IsNil()
	}
	return false
}

func asInt(given any) int64 {
	switch value := given.(type) {
	case string:
		number, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			panic(err)
		}
		return number
	case float64, int, int64, uint8:
		return reflect.ValueOf(value).Convert(reflect.TypeOf(int64(0))).Int()
	}
	panic(fmt.Sprintf("asInt() not supported on %T", given))
}

func asFloat(given any) float64 {
	switch value := given.(type) {
	case string:
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			panic(err)
		}
		return number
	case float64, int, int64, uint8:
		return reflect.ValueOf(value).Convert(reflect.TypeOf(float64(0))).Float()
	}
	panic(fmt.Sprintf("asFloat() not supported on %T", given))
}

// The classes that we tell apart, by the texts of expr's and Go's errors; what none of them fits is a fault of type.
var kinds = []struct {
	kind  string
	parts []string
}{
	{"limit", []string{"memory budget exceeded", "exceeds maximum allowed nodes"}},
	{"value", []string{"error parsing regexp", "divide by zero", "strconv.", "parsing \"", "negative shift", "of empty array", "unknown order",
		"invalid order", "invalid duration", "invalid date", "unknown time zone", "expected positive integer", "illegal base64", "invalid character",
		"unexpected end of JSON", "json: unsupported", "cannot unmarshal", "invalid operation: int(", "invalid operation: float(", "time: "}},
	{"index", []string{"index out of range", "index out of bounds", "cannot fetch"}},
	{"name", []string{"unknown name", "cannot redeclare", "unknown pointer"}},
}

// A conversion of what has no number at all is a fault of type, one of a text that is none is a fault of value.
var convertsType = regexp.MustCompile(`invalid operation: (int|float)\((bool|<nil>|string|\[\](interface {}|int|float64|string|uint8|\[2\]interface {})|\[2\]interface {}|map\[(string|int|interface {})\](\[\])?(interface|struct) {}|func\(.*|\*?time\.\w+)\)`).MatchString

func kindOf(message string) string {
	for _, named := range kinds {
		for _, part := range named.parts {
			if strings.Contains(message, part) && !convertsType(message) {
				return named.kind
			}
		}
	}
	return "type"
}
