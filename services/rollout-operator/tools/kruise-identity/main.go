// Writes what the rollout-operator has to know of Go to show the same identities as Kruise Rollouts, and the proof of it:
// the table of the types below PodTemplateSpec, and golden vectors of both hashes, made by Go's own JSON and by spew.
//
//	go run . TABLE TEMPLATE_VECTORS PLAN_VECTORS
package main

import (
	"bytes"
	"encoding/json"
	"os"
)

func main() {
	if len(os.Args) != 4 {
		panic("give three files to write: the table, the vectors of templates, the vectors of plans")
	}
	write(os.Args[1], typeTable())
	write(os.Args[2], templateVectors())
	write(os.Args[3], planVectors())
}

// write puts each element on a line of its own, so that a change shows as what it is.
func write[T any](path string, elements []T) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	for index, element := range elements {
		out.WriteString(map[bool]string{true: "[\n", false: ","}[index == 0])
		if err := encoder.Encode(element); err != nil {
			panic(err)
		}
	}
	out.WriteString("]\n")
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		panic(err)
	}
}
