-- A DestinationRule with a subset for the new version's pods: what Kruise's own script does, written anew after its
-- behaviour. The pods of a canary Deployment get the label by patchPodTemplateMetadata.
local spec = obj.data.spec
spec.subsets = spec.subsets or {}
table.insert(spec.subsets, { name = "canary", labels = { ["istio.service.tag"] = "gray" } })
return obj.data
