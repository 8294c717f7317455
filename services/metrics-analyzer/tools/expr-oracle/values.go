package main

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// resultOf makes Go's values of a question's JSON: numbers with a point are floats and others ints, {"$float": "NaN"} is what JSON can't say,
// {"$floats": [1.5]} is a []float64.
func resultOf(given any) any {
	switch value := given.(type) {
	case json.Number:
		return numberOf(string(value))
	case []any:
		items := make([]any, len(value))
		for i, item := range value {
			items[i] = resultOf(item)
		}
		return items
	case map[string]any:
		if text, ok := value["$float"].(string); ok {
			return numberOf(text)
		}
		if list, ok := value["$floats"].([]any); ok {
			floats := make([]float64, len(list))
			for i, item := range list {
				floats[i] = resultOf(item).(float64)
			}
			return floats
		}
		entries := make(map[string]any, len(value))
		for key, item := range value {
			entries[key] = resultOf(item)
		}
		return entries
	}
	return given
}

func numberOf(text string) any {
	if whole, err := strconv.Atoi(text); err == nil {
		return whole
	}
	float, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err)
	}
	return float
}

// shown writes a value so that everything shows that expressions can tell apart.
func shown(value any) string {
	switch known := value.(type) {
	case nil:
		return "nil"
	case bool:
		return strconv.FormatBool(known)
	case int:
		return fmt.Sprintf("i%d", known)
	case int64:
		return fmt.Sprintf("l%d", known)
	case uint8:
		return fmt.Sprintf("b%d", known)
	case float64:
		return "f" + shownFloat(known)
	case string:
		return quoted(known)
	case time.Duration:
		return fmt.Sprintf("d%d", int64(known))
	case time.Time:
		return fmt.Sprintf("t%d", known.UnixMicro())
	case *time.Location:
		return "zone"
	}
	return shownContainer(reflect.ValueOf(value))
}

func shownFloat(value float64) string {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return strconv.FormatFloat(value, 'g', -1, 64)
	}
	return strconv.FormatFloat(value, 'e', -1, 64)
}

func shownContainer(value reflect.Value) string {
	name := strings.ReplaceAll(value.Type().String(), "interface {}", "any")
	switch value.Kind() {
	case reflect.Func:
		return "func"
	case reflect.Slice, reflect.Array:
		if value.Kind() == reflect.Slice && value.IsNil() {
			return name + "(nil)"
		}
		items := make([]string, value.Len())
		for i := range items {
			items[i] = shown(value.Index(i).Interface())
		}
		return name + "[" + strings.Join(items, ", ") + "]"
	case reflect.Map:
		entries := make([]string, 0, value.Len())
		for each := value.MapRange(); each.Next(); {
			entries = append(entries, shown(each.Key().Interface())+": "+shown(each.Value().Interface()))
		}
		sort.Strings(entries)
		return name + "{" + strings.Join(entries, ", ") + "}"
	}
	return name
}

func quoted(text string) string {
	if !utf8.ValidString(text) {
		return fmt.Sprintf("x%x", text)
	}
	var out strings.Builder
	out.WriteByte('"')
	for _, letter := range text {
		if letter < ' ' || letter > '~' || letter == '"' || letter == '\\' {
			fmt.Fprintf(&out, "\\%x;", letter)
		} else {
			out.WriteRune(letter)
		}
	}
	out.WriteByte('"')
	return out.String()
}
