package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand"
	"reflect"

	"github.com/davecgh/go-spew/spew"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	safe "k8s.io/apimachinery/pkg/util/rand"
)

// TemplateVector is one template and its hash.
type TemplateVector struct {
	Template json.RawMessage `json:"template"`
	Hash     string          `json:"hash"`
}

var quantities = []string{
	"0", "1", "2", "10", "16", "100", "1000", "100m", "250m", "1500m", "10Mi", "16Mi", "64Mi", "100Mi", "128Mi", "1Gi", "8Gi",
	"1536Mi", "1k", "12k", "5M", "1G", "2500", "-5", "0.5", "1.5", "1e3", "12E6", "1Ti", "3Ki", "900u", "7n", "123456789",
}

var texts = []string{
	"a", "web", "nginx:1.29", "with space", "äöü 漢字", "quote\"s", "{brace]", "<tag>&amp;", "line\nbreak", "100%", "C:\\path", "",
}

// Filled in such a way that each type below PodTemplateSpec is met; the seed makes the same again.
func templateVectors() []TemplateVector {
	source := rand.New(rand.NewSource(1))
	var found []TemplateVector
	for index := 0; index < 240; index++ {
		var template corev1.PodTemplateSpec
		fill(source, reflect.ValueOf(&template).Elem(), 0)
		// What the server writes back is what a client reads.
		found = append(found, templateVector(asJSON(asRead(asJSON(template)))))
	}
	for _, written := range realistic {
		found = append(found, templateVector([]byte(written)))
	}
	return found
}

func templateVector(written []byte) TemplateVector {
	return TemplateVector{Template: written, Hash: templateHash(asRead(written))}
}

// As Kruise Rollouts tells the revisions of a Deployment apart.
func templateHash(template corev1.PodTemplateSpec) string {
	hasher := fnv.New32a()
	config := spew.ConfigState{Indent: " ", SortKeys: true, DisableMethods: true, SpewKeys: true}
	config.Fprintf(hasher, "%#v", template)
	return safe.SafeEncodeString(fmt.Sprint(hasher.Sum32()))
}

func asRead(written []byte) corev1.PodTemplateSpec {
	var template corev1.PodTemplateSpec
	if err := json.Unmarshal(written, &template); err != nil {
		panic(err)
	}
	return template
}

func asJSON(content any) []byte {
	written, err := json.Marshal(content)
	if err != nil {
		panic(err)
	}
	return written
}

func fill(source *rand.Rand, value reflect.Value, depth int) {
	switch special[value.Type()] {
	case "quantity":
		value.Set(reflect.ValueOf(resource.MustParse(quantities[source.Intn(len(quantities))])))
		return
	case "int-or-string":
		port := []intstr.IntOrString{intstr.FromInt(8080), intstr.FromString("http"), intstr.FromInt(0)}
		value.Set(reflect.ValueOf(port[source.Intn(len(port))]))
		return
	case "time", "unknown":
		return
	}
	switch value.Kind() {
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		fill(source, value.Elem(), depth)
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 1+source.Intn(2), 2))
		for index := 0; index < value.Len(); index++ {
			fill(source, value.Index(index), depth+1)
		}
	case reflect.Map:
		value.Set(reflect.MakeMap(value.Type()))
		for count := source.Intn(4); count >= 0; count-- {
			key, element := reflect.New(value.Type().Key()).Elem(), reflect.New(value.Type().Elem()).Elem()
			fill(source, key, depth)
			fill(source, element, depth)
			value.SetMapIndex(key, element)
		}
	case reflect.Struct:
		fillFields(source, value, depth)
	case reflect.String:
		value.SetString(texts[source.Intn(len(texts))])
	case reflect.Bool:
		value.SetBool(source.Intn(2) == 0)
	default:
		value.SetInt(int64(source.Intn(1000) - 10))
	}
}

func fillFields(source *rand.Rand, value reflect.Value, depth int) {
	of := value.Type()
	for index := 0; index < of.NumField(); index++ {
		field := of.Field(index)
		if of == reflect.TypeOf(metav1.ObjectMeta{}) && field.Name != "Labels" && field.Name != "Annotations" && field.Name != "Name" {
			continue
		}
		if field.Anonymous || source.Float64() < likelihood(of, depth) {
			fill(source, value.Field(index), depth+1)
		}
	}
}

// Most of what there is stays unset, as in real templates; at the root it would be too little.
func likelihood(of reflect.Type, depth int) float64 {
	if of == reflect.TypeOf(corev1.VolumeSource{}) {
		return 0.06
	}
	if of == reflect.TypeOf(corev1.PodSpec{}) {
		return 0.2
	}
	return 0.75 / float64(depth)
}
