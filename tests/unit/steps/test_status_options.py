"""What `status` refuses before it looks at anything."""

import pytest

from jenkins_ml.errors import UsageError
from jenkins_ml.steps.status import command


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--watch", "--interval", "0s"), "look at most ten times a second"),
        (("--watch", "--all"), "--watch shows one model"),
        (("--namespace", "ml"), "--context and --namespace go with --all"),
    ],
)
def test_options_that_cannot_be(arguments, words):
    with pytest.raises(UsageError) as caught:
        command.main(list(arguments), standalone_mode=False)
    assert words in str(caught.value)
