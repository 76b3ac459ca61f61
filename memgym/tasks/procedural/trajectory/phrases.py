"""How a ``trajectory`` speaks: what an agent at work writes, what it gets back, and what is asked about it.

``{x}`` is a service, ``{s}`` a setting with the value ``{v}``, ``{r}`` a revision, ``{n}`` the number of a deploy or
job, ``{ref}`` what explains a failure, ``{c}`` its cause, ``{j}`` a job, ``{t}`` a ticket with the symptom ``{y}``,
``{f}`` a fix. What an agent writes never tells how it went.
"""

from __future__ import annotations

ROLES = tuple(
    "api worker gateway scheduler store cache indexer auth billing search mailer proxy feed ledger router relay".split()
)
SETTINGS = {
    "pool_size": "{}",
    "cache_ttl": "{}s",
    "heap_limit": "{}Mi",
    "request_timeout": "{}ms",
    "batch_window": "{}m",
    "rate_quota": "{}rps",
    "log_retention": "{}h",
    "upload_cap": "{}MB",
    "worker_threads": "{}",
    "queue_depth": "{}",
}
"""Settings, and how a number from 100 to 999 is written as their value."""
JOBS = tuple(
    """vacuum reindex key-rotation cache-warmup log-pruning backup-check schema-dump cert-renewal quota-audit snapshot
    letter-replay orphan-cleanup replica-sync session-purge stats-refresh image-scan secret-scan table-repack
    partition-trim health-sweep alias-rebuild token-refresh trace-sampling archive-upload mirror-resync queue-drain
    index-merge volume-check""".split()
)
FIXES = (
    "restarting the pods", "doubling the replicas", "flushing the edge nodes", "rebuilding the search index",
    "pinning the client library", "disabling keep-alive", "switching the resolver", "clearing the temp volume",
    "draining the node", "rolling back the kernel", "turning off compression", "shortening the lease",
    "resizing the disk", "evicting idle sessions", "recreating the service account", "bypassing the load balancer",
    "lowering the concurrency", "throttling the importer", "moving it to another zone", "reverting the migration",
    "warming the connections", "patching the base image", "isolating the noisy neighbour", "removing the sidecar",
    "unlocking the table", "skipping the prefetch", "widening the subnet", "renewing the session keys",
)  # fmt: skip
_FAULTS = {
    "TLS certificate": ("expired", "self-signed", "revoked"),
    "DNS record": ("stale", "missing", "duplicate"),
    "registry token": ("expired", "revoked", "truncated"),
    "database index": ("missing", "corrupt", "bloated"),
    "feature flag": ("inverted", "forgotten", "misspelt"),
    "lock file": ("leftover", "unreadable", "foreign"),
    "message schema": ("outdated", "incompatible", "unversioned"),
    "cron entry": ("overlapping", "misplaced", "duplicate"),
    "storage volume": ("full", "read-only", "unmounted"),
    "base image": ("outdated", "mislabelled", "incomplete"),
    "firewall rule": ("overlapping", "too strict", "missing"),
    "service role": ("missing", "renamed", "over-restricted"),
    "environment variable": ("misspelt", "unset", "shadowed"),
    "health probe": ("too strict", "misdirected", "hard-coded"),
    "shared library": ("incompatible", "missing", "unsigned"),
    "clock offset": ("large", "negative", "unnoticed"),
}
CAUSES = tuple(f"{fault} {thing}" for thing, faults in _FAULTS.items() for fault in faults)
SYMPTOMS = (
    "memory creeps up overnight", "p99 latency doubled", "requests hang at random", "messages arrive twice",
    "uploads stop half-way", "logins time out", "the nightly export is empty", "queries return stale rows",
    "connections are reset", "workers die silently", "the dashboard shows gaps", "retries pile up",
)  # fmt: skip

SET = (
    "{x}: {s} is {v} now, saved as revision {r}.",
    "ok, revision {r} of {x} is live, {s} at {v}.",
    "patched {x}, {s} set to {v} (revision {r}).",
    "{x} reloaded with {s} = {v}, revision {r}.",
)
ROLLED_BACK = (
    "{x} rolled back to revision {r}.",
    "restored revision {r} on {x}.",
    "ok, {x} runs revision {r} again.",
)
NOT_SET = (
    "refused: {s} = {v} on {x}, the change window is closed.",
    "denied: nobody has approved {s} = {v} for {x}.",
    "validation error on {x}: {s} = {v} is out of range, nothing was written.",
    "dry run on {x}: {s} would become {v}, nothing was written.",
    "plan for {x}: {s} to {v}, not applied.",
)
DEPLOYED = (
    "deploy {n} of {x} succeeded, the new build serves traffic.",
    "{x}: deploy {n} finished, all probes pass.",
    "deploy {n} done, {x} is healthy.",
)
FAILED = (
    "deploy {n} of {x} failed, see {ref}.",
    "{x}: deploy {n} failed, the log points to {ref}.",
    "error: deploy {n} of {x} failed, reference {ref}.",
)
EXPLAINED = {
    "INC": (
        "{ref} closed, root cause: {c}.",
        "{ref} traced to its cause, {c}.",
        "post-mortem of {ref}, cause: {c}.",
    ),
    "CHG": (
        "{ref} merged by another team, side effect: {c}.",
        "{ref} went through with a warning: {c}.",
        "audit of {ref} flags this side effect: {c}.",
    ),
}
"""What tells of a cause after the failure, and before it."""
JOB_DONE = (
    "job {n} on {x}: {j} finished.",
    "{j} done on {x} (job {n}).",
    "{x} completed {j} as job {n}.",
)
JOB_SKIPPED = (
    "{j} skipped on {x}, another run holds the lock.",
    "{x} is busy, {j} was not started.",
    "no slot for {j} on {x}, try later.",
)
OPENED = (
    "{t} opened for {x}: {y}.",
    "new ticket {t}, {x}: {y}.",
    "{t} assigned to you, {x}: {y}.",
)
TRIED = (
    "{t}: tried {f}, the symptom is still there.",
    "{f} tried for {t}, no improvement.",
    "no effect on {t} after we tried {f}.",
)
NOT_TRIED = (
    "{t}: {f} was proposed and vetoed.",
    "{f} for {t} is on hold, the owner objects.",
    "{t}: no permission for {f}, left alone.",
)

ACTIONS = {
    "set": (
        "The alerts on {x} come from its limits, so I change the config. `configctl apply {x} -f patch.yaml`",
        "Applying the patch from the review. `configctl apply {x} -f review.yaml --wait`",
        "`configctl edit {x} --from-clipboard`",
        "Next item on the list is the config of {x}. `configctl apply {x} -f next.yaml`",
    ),
    "rollback": (
        "That made it worse, going back. `configctl rollback {x}`",
        "The owner wants an earlier config. `configctl rollback {x} --pick`",
        "`configctl rollback {x} --yes`",
    ),
    "deploy": (
        "The build is green, shipping it. `deploy run {x} --latest`",
        "`deploy run {x} --wait`",
        "Trying to get the release of {x} out. `deploy run {x} --canary`",
        "The window is open, so I deploy. `deploy run {x}`",
    ),
    "explain": (
        "What do we know about {ref}? `notes show {ref}`",
        "`notes show {ref} --last`",
        "Reading up on {ref} before I go on. `notes show {ref} --full`",
    ),
    "job": (
        "Maintenance is due. `jobs start {x} --next`",
        "`jobs start {x} --wait`",
        "Load on {x} is low, a good time for upkeep. `jobs start {x} --next`",
    ),
    "open": (
        "Anything new in my queue? `tickets next`",
        "`tickets next --mine`",
        "Checking for reports about {x}. `tickets list {x} --new`",
    ),
    "fix": (
        "Back to {t}, with another idea. `runbook step {t}`",
        "`runbook step {t} --next`",
        "{t} is still open, so I go on with the runbook. `runbook step {t}`",
    ),
}

BRIEF = (
    "You are the agent on call for {mine}. Logs of other teams' services pass by, too. What you did and found will be "
    "asked about later."
)
CHATTER = (
    ("Is there room left? `df -h --output=avail /var/{w}`", "Avail\n  {b}G"),
    ("`git log -1 --oneline`", "{h} {w}: tidy imports"),
    ("`git status --short`", " M src/{w}/main.py\n M tests/test_{w}.py"),
    ("Who else is here? `who`", "{w}  pts/{d}  10.0.{d}.{b}"),
    ("`uptime`", "up {p} days, load average 0.{b}, {d}.{b}"),
    ("Let me find the handler. `grep -rn {w} src/`", "src/{w}/routes.py:{a}: def {w}_handler(request):"),
    ("`ls -la src/{w}`", "-rw-r--r-- 1 agent  {a}{b} __init__.py\n-rw-r--r-- 1 agent  {b}{a} main.py"),
    ("Lint before I push. `ruff check src/{w}`", "All checks passed."),
    ("`pytest -q tests/{w}`", "{a} passed in {d}.{b}s"),
    ("`pytest -q tests/{w}`", "1 failed, {a} passed in {d}.{b}s\ntests/{w}/test_io.py::test_retry flaky, passes alone"),
    ("Opening the docs on {w}. `docs search {w}`", "{d} hits, best: guides/{w}.md, last edited {p} days ago"),
    ("`curl -s localhost:80{b}/healthz`", '{{"status": "ok", "uptime": {a}}}'),
    ("Waiting for the canary to settle. `sleep {b}`", "slept {b} s"),
    ("`cat Makefile | head -3`", "PYTHON ?= python3\n{w}:\n\t$(PYTHON) -m {w}"),
    ("I note the plan for the afternoon. `todo add 'look at {w}'`", "item {a} added"),
    ("`kubectl get nodes`", "node-{l}{d}  Ready  {p}d  v1.{b}"),
    ("Metrics look flat. `metrics show {w} --last 1h`", "p50 {b} ms, p95 {a} ms, errors 0.0{d}%"),
    ("`journalctl -u {w} -n 2`", "{w}[{a}]: accepted connection\n{w}[{a}]: idle, going to sleep"),
    ("Posting a status line. `chat post '#{w}' 'all quiet'`", "sent, {d} people are online"),
    ("`ping -c1 node-{l}{d}`", "1 packets transmitted, 1 received, time {d} ms"),
)
"""What agents do that tells nothing: an action and what comes back."""
WORDS = tuple(
    """parser router loader billing export metrics session upload report digest mailer search avatar invoice catalog
    crawler importer notifier renderer sandbox tracker webhook backlog quota archive locale theme""".split()
)

ASK = {
    "state": (
        "What value does {s} of {x} have at the end?",
        "Which {s} does {x} run with now?",
        "What is {s} of {x} set to in the end?",
    ),
    "cause": (
        "What was the root cause of the failure of deploy {n} of {x}, according to the log?",
        "According to the log, which root cause made deploy {n} of {x} fail?",
        "Which fault does the log give as the root cause of the failure of deploy {n} of {x}?",
    ),
    "after": (
        "Which job was run on {x} right after {j}?",
        "On {x}, which maintenance job came next after {j}?",
    ),
    "before": (
        "Which job was run on {x} right before {j}?",
        "On {x}, which maintenance job came just before {j}?",
    ),
    "deploys": (
        "How many deploys of {x} were attempted, failed ones included?",
        "How many times did the agent deploy {x}, failures included?",
    ),
    "failures": (
        "How many deploys of {x} failed?",
        "How many times did a deploy of {x} fail?",
    ),
    "tried": (
        "Which fixes have already been tried for {t} on {x}?",
        "What was tried without success for {t} on {x}?",
        "List all fixes that were carried out for {t} on {x}.",
    ),
}
