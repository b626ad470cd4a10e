"""What a worker does with a message whose broker is gone."""

from types import SimpleNamespace

import pytest
from kombu.transport.redis import QoS

from petition.core.queue import InHand


@pytest.fixture
def gone():
    """Return a channel as kombu leaves it once its connection was lost: whatever it is asked for is not there."""
    return SimpleNamespace(connection=None, do_restore=False)


def test_a_message_of_a_broker_that_is_gone_is_not_acknowledged(gone):
    InHand(gone).ack("tag")
    with pytest.raises(AttributeError):
        QoS(gone).ack("tag")  # what would end the worker


def test_nothing_is_put_back_as_a_worker_ends():
    assert InHand.restore_at_shutdown is False
