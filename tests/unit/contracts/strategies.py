"""Hypothesis strategies for names, workloads and requests, valid and otherwise."""

from hypothesis import strategies as st

from tidegate_contracts.workload import WorkloadKey

labels = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?", fullmatch=True)
dotted_names = st.lists(labels, min_size=1, max_size=4).map(".".join)
hostile_names = st.one_of(
    st.text(min_size=1, max_size=300),
    st.sampled_from(
        ["*", ">", "a.*", "a.>", "a b", "a\nb", "a\x00b", "..", ".a", "a.", "-a", "a-", "A", "é", "a_b", "", "a" * 254]
    ),
)
keys = st.builds(WorkloadKey, cluster=labels, namespace=labels, kind=dotted_names, name=dotted_names)
