// What expr itself answers: one line in, ["expression", result] as JSON; one line out, the value with its types or "!" and the fault's kind.
// See README.md; the tests of the analyzer's own evaluator compare with it.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

const (
	answerWithin = 5 * time.Second
	lineBytesMax = 1 << 22
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, lineBytesMax)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for lines.Scan() {
		expression, result, err := asked(lines.Bytes())
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Fprintln(out, answered(expression, result))
	}
}

func asked(line []byte) (string, any, error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	var question []any
	if err := decoder.Decode(&question); err != nil || len(question) != 2 {
		return "", nil, fmt.Errorf("no question: %s: %v", line, err)
	}
	expression, ok := question[0].(string)
	if !ok {
		return "", nil, fmt.Errorf("no expression: %s", line)
	}
	return expression, resultOf(question[1]), nil
}

func answered(expression string, result any) string {
	answer := make(chan string, 1)
	go func() { answer <- evaluated(expression, result) }()
	select {
	case found := <-answer:
		return found
	case <-time.After(answerWithin):
		return "!slow"
	}
}
