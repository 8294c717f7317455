package main

import (
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Type is one Go type: how spew shows it, and what it is made of, by places in the table.
type Type struct {
	Shown  string  `json:"shown"`
	Kind   string  `json:"kind"`
	Of     *int    `json:"of,omitempty"`
	Fields []Field `json:"fields,omitempty"`
}

// Field is one of a struct's; JSON is empty where the fields stand in the object around it.
type Field struct {
	Name string `json:"name"`
	JSON string `json:"json"`
	Type int    `json:"type"`
}

var special = map[reflect.Type]string{
	reflect.TypeOf(resource.Quantity{}):  "quantity",
	reflect.TypeOf(intstr.IntOrString{}): "int-or-string",
	reflect.TypeOf(metav1.Time{}):        "time",
	reflect.TypeOf(metav1.FieldsV1{}):    "unknown",
}

type table struct {
	types  []Type
	places map[reflect.Type]int
}

func typeTable() []Type {
	found := &table{places: map[reflect.Type]int{}}
	found.place(reflect.TypeOf(corev1.PodTemplateSpec{}))
	return found.types
}

func (t *table) place(of reflect.Type) int {
	if place, known := t.places[of]; known {
		return place
	}
	place := len(t.types)
	t.places[of] = place
	t.types = append(t.types, Type{Shown: of.String()})
	made := t.made(of)
	t.types[place] = made
	return place
}

func (t *table) made(of reflect.Type) Type {
	made := Type{Shown: of.String(), Kind: special[of]}
	if made.Kind != "" {
		return made
	}
	switch of.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		made.Kind = map[reflect.Kind]string{reflect.Pointer: "pointer", reflect.Slice: "slice", reflect.Map: "map"}[of.Kind()]
		element := t.place(of.Elem())
		made.Of = &element
	case reflect.Struct:
		made.Kind = "struct"
		for index := 0; index < of.NumField(); index++ {
			field := of.Field(index)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			made.Fields = append(made.Fields, Field{field.Name, name, t.place(field.Type)})
		}
	case reflect.String:
		made.Kind = "string"
	case reflect.Bool:
		made.Kind = "bool"
	case reflect.Int32, reflect.Int64:
		made.Kind = "integer"
	default:
		panic("a type that the operator can't read: " + of.String())
	}
	return made
}
