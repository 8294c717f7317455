package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/util/intstr"
	safe "k8s.io/apimachinery/pkg/util/rand"
)

// PlanVector is the block `canary` or `blueGreen` of a Rollout and its hash.
type PlanVector struct {
	BlueGreen bool            `json:"blueGreen"`
	Block     json.RawMessage `json:"block"`
	Hash      string          `json:"hash"`
}

// The documented API, in its order: what Go leaves out as empty, and in which order it writes, is part of the hash.
type canary struct {
	Steps                        []step              `json:"steps,omitempty"`
	TrafficRoutings              []routing           `json:"trafficRoutings,omitempty"`
	FailureThreshold             *intstr.IntOrString `json:"failureThreshold,omitempty"`
	PatchPodTemplateMetadata     *podMetadata        `json:"patchPodTemplateMetadata,omitempty"`
	EnableExtraWorkloadForCanary bool                `json:"enableExtraWorkloadForCanary,omitempty"`
	TrafficRoutingRef            string              `json:"trafficRoutingRef,omitempty"`
	DisableGenerateCanaryService bool                `json:"disableGenerateCanaryService,omitempty"`
}

type blueGreen struct {
	Steps                        []step              `json:"steps,omitempty"`
	TrafficRoutings              []routing           `json:"trafficRoutings,omitempty"`
	FailureThreshold             *intstr.IntOrString `json:"failureThreshold,omitempty"`
	TrafficRoutingRef            string              `json:"trafficRoutingRef,omitempty"`
	DisableGenerateCanaryService bool                `json:"disableGenerateCanaryService,omitempty"`
}

type step struct {
	Traffic               *string             `json:"traffic,omitempty"`
	RequestHeaderModifier *headerModifier     `json:"requestHeaderModifier,omitempty"`
	Matches               []match             `json:"matches,omitempty"`
	Replicas              *intstr.IntOrString `json:"replicas,omitempty"`
	Pause                 pause               `json:"pause,omitempty"`
}

type pause struct {
	Duration *int32 `json:"duration,omitempty"`
}

type headerModifier struct {
	Set    []header `json:"set,omitempty"`
	Add    []header `json:"add,omitempty"`
	Remove []string `json:"remove,omitempty"`
}

type header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type match struct {
	Path        *pathMatch   `json:"path,omitempty"`
	Headers     []valueMatch `json:"headers,omitempty"`
	QueryParams []valueMatch `json:"queryParams,omitempty"`
}

type pathMatch struct {
	Type  *string `json:"type,omitempty"`
	Value *string `json:"value,omitempty"`
}

type valueMatch struct {
	Type  *string `json:"type,omitempty"`
	Name  string  `json:"name"`
	Value string  `json:"value"`
}

type routing struct {
	Service            string      `json:"service"`
	GracePeriodSeconds int32       `json:"gracePeriodSeconds,omitempty"`
	Ingress            *ingress    `json:"ingress,omitempty"`
	Gateway            *gateway    `json:"gateway,omitempty"`
	CustomNetworkRefs  []reference `json:"customNetworkRefs,omitempty"`
}

type ingress struct {
	ClassType string `json:"classType,omitempty"`
	Name      string `json:"name"`
}

type gateway struct {
	HTTPRouteName *string `json:"httpRouteName,omitempty"`
}

type reference struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
}

type podMetadata struct {
	Annotations map[string]string `json:"annotations,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
}

func planVectors() []PlanVector {
	var found []PlanVector
	for _, written := range plans {
		var asCanary canary
		var asBlueGreen blueGreen
		read(written, &asCanary)
		read(written, &asBlueGreen)
		asCanary.FailureThreshold, asBlueGreen.FailureThreshold = nil, nil
		withoutPauses(asCanary.Steps)
		withoutPauses(asBlueGreen.Steps)
		found = append(found, PlanVector{false, json.RawMessage(written), planHash(asCanary)})
		found = append(found, PlanVector{true, json.RawMessage(written), planHash(asBlueGreen)})
	}
	return found
}

func planHash(block any) string {
	return safe.SafeEncodeString(fmt.Sprintf("%x", sha256.Sum256(asJSON(block))))
}

func withoutPauses(steps []step) {
	for index := range steps {
		steps[index].Pause = pause{}
	}
}

func read(written string, into any) {
	if err := json.Unmarshal([]byte(written), into); err != nil {
		panic(err)
	}
}

var plans = []string{
	`{"steps":[{"replicas":"20%","pause":{"duration":0}},{"replicas":"100%"}]}`,
	`{"steps":[{"replicas":"20%"},{"replicas":"100%"}]}`,
	`{"steps":[{"replicas":1,"pause":{"duration":60}},{"replicas":3},{"replicas":"100%"}],"failureThreshold":"10%"}`,
	`{"steps":[{"replicas":0}],"enableExtraWorkloadForCanary":true,"disableGenerateCanaryService":true,"trafficRoutingRef":"main"}`,
	`{"steps":[{"replicas":"5%","traffic":"5%"},{"replicas":"50%","traffic":"50%"}],
	"trafficRoutings":[{"service":"web","gracePeriodSeconds":3,"gateway":{"httpRouteName":"web"}}]}`,
	`{"steps":[{"replicas":1,"traffic":"0%"}],"trafficRoutings":[{"service":"web","gracePeriodSeconds":0,"ingress":{"classType":"nginx","name":"web"}}]}`,
	`{"steps":[{"replicas":1}],"trafficRoutings":[{"service":"a","ingress":{"name":"b","classType":""},"gateway":{},
	"customNetworkRefs":[{"apiVersion":"networking.istio.io/v1beta1","kind":"VirtualService","name":"v"}]}]}`,
	`{"steps":[{"replicas":"10%","matches":[{"headers":[{"type":"Exact","name":"user","value":"a<b>&\"é\u2028"}]},
	{"path":{"type":"PathPrefix","value":"/x"},"queryParams":[{"type":"RegularExpression","name":"q","value":".*"}]}],
	"requestHeaderModifier":{"set":[{"name":"a","value":"1"}],"add":[{"name":"b","value":"2"}],"remove":["c"]}}]}`,
	`{"steps":[{"replicas":"10%","matches":[{"headers":[{"name":"user","value":"x"}]},{"path":{"value":"/"}}],"requestHeaderModifier":{}}]}`,
	`{"steps":[{"replicas":2}],"enableExtraWorkloadForCanary":true,
	"patchPodTemplateMetadata":{"labels":{"b":"2","a":"1"},"annotations":{"z":"\ttab","A":"x\\y"}}}`,
	`{"steps":[{"replicas":2,"analysis":{"checks":[{"name":"errors","query":"q"}]}}],"patchPodTemplateMetadata":{"labels":{}}}`,
}
