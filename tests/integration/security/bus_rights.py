"""The table of rights on the bus: who may publish and hear what. Everybody not named on a line is refused there.

Written by hand from the design, not from nats.conf, so that a slip in either shows.
"""

DEPLOY, ORCHESTRATOR = "deploy", "orchestrator"
PODS, TRAFFIC, METRICS = "workload-controller", "traffic-shifter", "metrics-analyzer"
ROLLOUTS = "rollout-operator"
REQUESTER, OPERATOR, AUDITOR = "requester", "operator", "auditor"
WORKERS = {PODS, TRAFFIC, METRICS}
SERVICES = {ORCHESTRATOR, *WORKERS}
USERS = (DEPLOY, *sorted(SERVICES), ROLLOUTS, REQUESTER, OPERATOR, AUDITOR)
NOBODY: set[str] = set()

WEB = "default.default.deployment_apps.web"
ENTRY = "default.default.trafficrouting_rollouts_kruise_io.entry"
STREAMS = (
    *("REQUESTS", "CONTROLS", "GUARDS", "VERDICTS", "ALERTS", "EVENTS", "ORDERS", "TIMERS", "TELEMETRY", "PROGRESS"),
    "DEAD",
)

PUBLISH: dict[str, set[str]] = {
    # what is said
    "tidegate.requests.default.default": {REQUESTER, OPERATOR, PODS},
    "tidegate.requests.default.payments": {OPERATOR, PODS},
    "tidegate.requests.other.default": {OPERATOR, PODS},
    "tidegate.requests.default.default.more": NOBODY,
    "tidegate.controls.default.default.r-1": {REQUESTER, OPERATOR, PODS, ROLLOUTS},
    "tidegate.controls.default.payments.r-1": {OPERATOR, PODS, ROLLOUTS},
    f"tidegate.guards.{WEB}": {REQUESTER, OPERATOR, ROLLOUTS},
    "tidegate.guards.default.payments.deployment_apps.web": {OPERATOR, ROLLOUTS},
    "tidegate.verdicts.default.default.r-1.acceptance-tests": {REQUESTER, OPERATOR},
    "tidegate.verdicts.default.payments.r-1.acceptance-tests": {OPERATOR},
    "tidegate.verdicts.other.default.r-1.acceptance-tests": {OPERATOR},
    "tidegate.verdicts.default.default.r-1": NOBODY,
    "tidegate.alerts.default.default": {METRICS},
    f"tidegate.events.{WEB}.r-1.orchestrator.accepted": {ORCHESTRATOR},
    f"tidegate.events.{WEB}.r-1.workload-controller.batch-ready": {PODS},
    f"tidegate.events.{WEB}.r-1.traffic-shifter.shifted": {TRAFFIC},
    f"tidegate.events.{WEB}.r-1.metrics-analyzer.concluded": {METRICS},
    f"tidegate.events.{WEB}.r-1.somebody.accepted": NOBODY,
    f"tidegate.orders.workload-controller.{WEB}": {ORCHESTRATOR},
    f"tidegate.orders.traffic-shifter.{WEB}": {ORCHESTRATOR},
    f"tidegate.orders.metrics-analyzer.{WEB}": {ORCHESTRATOR},
    f"tidegate.orders.traffic-shifter.{ENTRY}": {ORCHESTRATOR, ROLLOUTS},
    f"tidegate.orders.workload-controller.{ENTRY}": {ORCHESTRATOR},
    f"tidegate.timers.set.{WEB}": {ORCHESTRATOR},
    f"tidegate.timers.due.{WEB}": {ORCHESTRATOR},
    f"tidegate.telemetry.{WEB}.r-1.workload-controller": {PODS},
    f"tidegate.telemetry.{WEB}.r-1.traffic-shifter": {TRAFFIC},
    f"tidegate.telemetry.{WEB}.r-1.metrics-analyzer": {METRICS},
    f"tidegate.progress.metrics-analyzer.{WEB}": {METRICS},
    f"tidegate.progress.workload-controller.{WEB}": NOBODY,
    **{f"tidegate.dead.{service}": {service} for service in SERVICES},
    "tidegate.anything": NOBODY,
    "somewhere.else": NOBODY,
    # the history can't be shortened, nor taken away or put back
    **{f"$JS.API.STREAM.DELETE.TIDEGATE_{stream}": NOBODY for stream in STREAMS},
    **{f"$JS.API.STREAM.PURGE.TIDEGATE_{stream}": NOBODY for stream in STREAMS},
    **{f"$JS.API.STREAM.MSG.DELETE.TIDEGATE_{stream}": NOBODY for stream in STREAMS},
    "$JS.API.STREAM.SNAPSHOT.TIDEGATE_EVENTS": NOBODY,
    "$JS.API.STREAM.RESTORE.TIDEGATE_EVENTS": NOBODY,
    "$JS.API.CONSUMER.DELETE.TIDEGATE_EVENTS.orchestrator--facts": NOBODY,
    "$JS.API.CONSUMER.PAUSE.TIDEGATE_EVENTS.orchestrator--facts": NOBODY,
    "$SYS.REQ.SERVER.PING": NOBODY,
    # what is declared, and by whom
    **{f"$JS.API.STREAM.CREATE.TIDEGATE_{stream}": {DEPLOY} for stream in STREAMS},
    **{f"$JS.API.STREAM.UPDATE.TIDEGATE_{stream}": {DEPLOY} for stream in STREAMS},
    "$JS.API.CONSUMER.CREATE.TIDEGATE_EVENTS.mine": {DEPLOY},
    "$JS.API.CONSUMER.CREATE.TIDEGATE_EVENTS.mine.tidegate.events.>": {DEPLOY},
    "$JS.API.CONSUMER.DURABLE.CREATE.TIDEGATE_EVENTS.mine": {DEPLOY},
    "tidegate.api.CONSUMER.CREATE.TIDEGATE_EVENTS.mine": NOBODY,
    # what is looked at
    "$JS.API.INFO": {DEPLOY, *SERVICES, ROLLOUTS},
    "$JS.API.STREAM.INFO.TIDEGATE_REQUESTS": {DEPLOY, ORCHESTRATOR},
    "$JS.API.STREAM.INFO.TIDEGATE_EVENTS": {DEPLOY, *SERVICES, ROLLOUTS},
    "$JS.API.STREAM.INFO.TIDEGATE_ORDERS": {DEPLOY, *SERVICES},
    "tidegate.api.STREAM.INFO.TIDEGATE_EVENTS": {OPERATOR, AUDITOR},
    "tidegate.api.STREAM.INFO.TIDEGATE_ORDERS": {OPERATOR},
    "tidegate.api.CONSUMER.INFO.TIDEGATE_EVENTS.orchestrator--facts": {OPERATOR},
    "tidegate.api.CONSUMER.INFO.TIDEGATE_EVENTS.auditor--events": {OPERATOR, AUDITOR},
    # what is read
    "$JS.API.DIRECT.GET.TIDEGATE_EVENTS": {ORCHESTRATOR, ROLLOUTS},
    f"$JS.API.DIRECT.GET.TIDEGATE_EVENTS.tidegate.events.{WEB}.r-1.orchestrator.accepted": {ORCHESTRATOR},
    "$JS.API.DIRECT.GET.TIDEGATE_ORDERS": {ORCHESTRATOR},
    "$JS.API.DIRECT.GET.TIDEGATE_REQUESTS": NOBODY,
    "$JS.API.DIRECT.GET.TIDEGATE_GUARDS": {PODS, ROLLOUTS},
    "$JS.API.STREAM.MSG.GET.TIDEGATE_GUARDS": {PODS, ROLLOUTS},
    "tidegate.api.DIRECT.GET.TIDEGATE_GUARDS": {OPERATOR},
    "$JS.API.DIRECT.GET.TIDEGATE_VERDICTS": {METRICS},
    "$JS.API.DIRECT.GET.TIDEGATE_ALERTS": {METRICS},
    "$JS.API.STREAM.MSG.GET.TIDEGATE_VERDICTS": NOBODY,
    "tidegate.api.DIRECT.GET.TIDEGATE_VERDICTS": NOBODY,
    "tidegate.api.DIRECT.GET.TIDEGATE_ALERTS": NOBODY,
    "$JS.API.STREAM.MSG.GET.TIDEGATE_EVENTS": {ORCHESTRATOR, ROLLOUTS},
    "$JS.API.STREAM.MSG.GET.TIDEGATE_ORDERS": {ORCHESTRATOR, ROLLOUTS},
    "$JS.API.STREAM.MSG.GET.TIDEGATE_REQUESTS": NOBODY,
    "$JS.API.STREAM.MSG.GET.TIDEGATE_PROGRESS": {METRICS},
    "$JS.API.DIRECT.GET.TIDEGATE_PROGRESS": NOBODY,
    "tidegate.api.DIRECT.GET.TIDEGATE_EVENTS": {OPERATOR, AUDITOR},
    "tidegate.api.DIRECT.GET.TIDEGATE_DEAD": {OPERATOR},
    "tidegate.api.DIRECT.GET.TIDEGATE_ORDERS": NOBODY,
    "tidegate.api.STREAM.MSG.GET.TIDEGATE_EVENTS": NOBODY,
    # what is pulled and acknowledged
    "$JS.API.CONSUMER.MSG.NEXT.TIDEGATE_REQUESTS.orchestrator--requests": {ORCHESTRATOR},
    "$JS.API.CONSUMER.MSG.NEXT.TIDEGATE_CONTROLS.orchestrator--controls": {ORCHESTRATOR},
    "$JS.API.CONSUMER.MSG.NEXT.TIDEGATE_EVENTS.orchestrator--facts": {ORCHESTRATOR},
    "$JS.API.CONSUMER.MSG.NEXT.TIDEGATE_TIMERS.orchestrator--timers": {ORCHESTRATOR},
    "$JS.API.CONSUMER.MSG.NEXT.TIDEGATE_EVENTS.auditor--events": NOBODY,
    "tidegate.api.CONSUMER.MSG.NEXT.TIDEGATE_EVENTS.auditor--events": {AUDITOR},
    "tidegate.api.CONSUMER.MSG.NEXT.TIDEGATE_EVENTS.orchestrator--facts": NOBODY,
    "$JS.ACK.TIDEGATE_REQUESTS.orchestrator--requests.1.1.1.1.0": {ORCHESTRATOR},
    "$JS.ACK.TIDEGATE_EVENTS.orchestrator--facts.1.1.1.1.0": {ORCHESTRATOR},
    "$JS.ACK.TIDEGATE_EVENTS.auditor--events.1.1.1.1.0": {AUDITOR},
    **{f"$JS.API.CONSUMER.MSG.NEXT.TIDEGATE_ORDERS.{service}--orders--default": {service} for service in WORKERS},
    **{f"$JS.API.CONSUMER.INFO.TIDEGATE_ORDERS.{service}--orders--default": {DEPLOY, service} for service in WORKERS},
    **{f"$JS.ACK.TIDEGATE_ORDERS.{service}--orders--default.1.1.1.1.0": {service} for service in WORKERS},
    # another's inbox
    "_INBOX_orchestrator.forged": NOBODY,
    "_INBOX_operator.forged": NOBODY,
    **{f"_INBOX_{service}.claims": {service} for service in WORKERS},
}

SUBSCRIBE: dict[str, set[str]] = {
    "tidegate.events.>": {OPERATOR, AUDITOR, ROLLOUTS},
    "tidegate.events.default.default.>": {REQUESTER, OPERATOR, AUDITOR, ROLLOUTS},
    "tidegate.events.default.payments.>": {OPERATOR, AUDITOR, ROLLOUTS},
    "tidegate.telemetry.>": {OPERATOR},
    "tidegate.progress.>": NOBODY,
    "tidegate.dead.*": {OPERATOR},
    "tidegate.requests.>": NOBODY,
    "tidegate.guards.>": {PODS},
    "tidegate.verdicts.>": {METRICS},
    "tidegate.alerts.>": {METRICS},
    "tidegate.controls.>": NOBODY,
    "tidegate.timers.>": NOBODY,
    "tidegate.orders.>": NOBODY,
    **{f"tidegate.orders.{service}.>": {service} for service in WORKERS},
    **{f"_INBOX_{user}.>": {user} for user in USERS},
    "_INBOX.>": NOBODY,
    ">": NOBODY,
    "$JS.API.>": NOBODY,
    "$JS.EVENT.>": NOBODY,
    "$SYS.>": NOBODY,
}
