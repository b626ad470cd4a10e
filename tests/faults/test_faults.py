"""Nothing that was promised breaks, whatever fails under load.

`FAULTS=full` for every fault, `FAULTS_SEED` to repeat what chance brought.
"""

import os
import random
import time

import pytest
from faults.catalogue import FAULTS
from faults.load import Load

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("all faults")]
FULL = os.environ.get("FAULTS", "quick") == "full"
RATE = 12 if FULL else 8  # signatures a second
LIMIT = 100  # seconds until everything owed is delivered
CHOSEN = [fault for fault in FAULTS if FULL or fault.quick]


@pytest.mark.parametrize("fault", CHOSEN, ids=lambda fault: fault.name.replace(" ", "-"))
def test_every_promise_is_kept(fault, stack, seed, figures):
    chance, label = random.Random(f"{seed} {fault.name}"), f"f{FAULTS.index(fault)}"
    with Load(stack.site, stack.mail_server, label, RATE) as load:
        model = load.model
        stack.until(lambda: model.confirmed, 30, "a loop before the fault")
        time.sleep(chance.uniform(0.5, 2))
        with fault.run(stack):
            time.sleep(fault.seconds * chance.uniform(0.7, 1.3))
        ended = time.monotonic()
        stack.until(lambda: model.loops_since(ended), LIMIT, "a loop after the fault")
        recovered = min(model.loops_since(ended)) - ended
        load.stop_signing()
        stack.until(load.is_quiet, LIMIT, "everything owed")
        settled = time.monotonic() - ended
        stack.until(lambda: stack.unsettled(label) == 0, LIMIT, "every email on record as sent")
        # A copy that a lease lets go late would come by then.
        stack.until(load.is_quiet, LIMIT, "everybody's answer")
    figures.add(fault.name, model, recovered, settled)
    broken = model.violations(stack.rows(label), fault.repeats) + stack.miscount()
    assert broken == [], f"seed {seed}"
    assert fault.seen or not model.missed, f"seed {seed}"
