"""Every promise is kept, whichever process or service fails under load, and operators are notified while it does.

`FAULTS=full` for every fault, `FAULTS_SEED` to repeat a run.
"""

import os
import random
import time

import pytest
from support.faults.catalogue import FAULTS
from support.faults.load import SignerLoad
from support.faults.reporting import Reporting

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.xdist_group("all faults")]
FULL = os.environ.get("FAULTS", "quick") == "full"
SIGNATURES_PER_SECOND = 12 if FULL else 8  # signatures a second
RECOVERY_LIMIT_SECONDS = 100  # until every enqueued email is sent
# The quick form runs beside other tests, on processors that are busy with them.
REPORTED_WITHIN_SECONDS, SLACK = (10, 1) if FULL else (20, 2)
SELECTED_FAULTS = [fault for fault in FAULTS if FULL or fault.quick]


@pytest.mark.parametrize("fault", SELECTED_FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_every_promise_is_kept(fault, stack, seed, report):
    random_source, label = random.Random(f"{seed} {fault.name}"), f"f{FAULTS.index(fault)}"
    with (
        SignerLoad(stack.site, stack.mail_server, label, SIGNATURES_PER_SECOND) as load,
        Reporting(stack, load) as reporting,
    ):
        model = load.model
        stack.wait_until(lambda: model.confirmed, 30, "a loop before the fault")
        stack.wait_until(lambda: is_well(reporting), RECOVERY_LIMIT_SECONDS, "health before the fault")
        time.sleep(random_source.uniform(0.5, 2))
        with fault.run(stack):
            began = time.monotonic()
            time.sleep(fault.seconds * random_source.uniform(0.7, 1.3))
            if fault.reported:
                stack.wait_until(lambda: is_reported(reporting, began), REPORTED_WITHIN_SECONDS * 2, "the report")
        ended = time.monotonic()
        stack.wait_until(lambda: model.confirmed_since(ended), RECOVERY_LIMIT_SECONDS, "a loop after the fault")
        recovered = min(model.confirmed_since(ended)) - ended
        load.stop_signing()
        stack.wait_until(load.is_idle, RECOVERY_LIMIT_SECONDS, "every enqueued email")
        settled = time.monotonic() - ended
        stack.wait_until(
            lambda: stack.count_unsettled(label) == 0, RECOVERY_LIMIT_SECONDS, "every email on record as sent"
        )
        # A repeated email, after a late lease, would have come by then.
        stack.wait_until(load.is_idle, RECOVERY_LIMIT_SECONDS, "everybody being finished")
        stack.wait_until(lambda: is_well(reporting, ended), RECOVERY_LIMIT_SECONDS, "health after the fault")
        well = max(reporting.well_after(ended, place) for place in reporting.places)
    reported = {place: reporting.reported_after(began, place) for place in reporting.places}
    report.add(fault.name, model, recovered, settled, reported=reported if fault.reported else {}, well=well)
    broken = model.violations(stack.rows(label), fault.max_repeats) + stack.count_mismatch()
    broken += reporting.green_while_nobody_was_served(began, ended, REPORTED_WITHIN_SECONDS)
    broken += [
        f"reported by the {place} after {s:.1f} s"
        for place, s in reported.items()
        if fault.reported and s > REPORTED_WITHIN_SECONDS
    ]
    if max(recovered, settled) > fault.recovery_seconds * SLACK:
        broken.append(f"recovered after {recovered:.1f} s, all mailed after {settled:.1f} s")
    assert broken == [], f"seed {seed}"
    assert fault.visible_to_people or not model.failed_requests, f"seed {seed}"


def is_reported(reporting, began):
    return all(reporting.reported_after(began, place) is not None for place in reporting.places)


def is_well(reporting, since=0.0):
    """Return whether every place says so, asked within the last moment, and since one."""
    moment = max(since, time.monotonic() - 1.5)
    return all(reporting.well_after(moment, place) is not None for place in reporting.places)
