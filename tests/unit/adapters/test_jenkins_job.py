import pytest

from jenkins_ml.adapters.jenkins_job import Job, Parameter, check_parameters
from jenkins_ml.errors import UsageError

SECRET = "s3cret-value"
PARAMETERS = (
    Parameter("MODEL", "StringParameterDefinition", default="resnet"),
    Parameter("SIZE", "ChoiceParameterDefinition", ("s", "l")),
    Parameter("FORCE", "BooleanParameterDefinition"),
    Parameter("KEY", "PasswordParameterDefinition"),
    Parameter("DATA", "FileParameterDefinition"),
    Parameter("OTHER", "CascadeChoiceParameter"),
)


def job(parameters=PARAMETERS, next_number=5):
    return Job("team/a", "job/team/job/a", next_number, parameters, (), "")


def test_good_parameters_pass():
    check_parameters(job(), [("MODEL", ""), ("SIZE", "l"), ("FORCE", "true"), ("KEY", SECRET), ("OTHER", "anything")])
    check_parameters(job(), [])
    check_parameters(job(()), [])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([("MODLE", SECRET)], "did you mean 'MODEL'?"),
        ([("zzz", SECRET)], "it has: MODEL, SIZE, FORCE, KEY, DATA, OTHER"),
        ([("SIZE", SECRET)], "choose one of: s, l"),
        ([("FORCE", SECRET)], "neither true nor false"),
        ([("FORCE", "True")], "neither true nor false"),
        ([("KEY", SECRET), ("KEY", SECRET)], "given twice"),
        ([("DATA", SECRET)], "a file that is uploaded"),
    ],
)
def test_what_jenkins_would_drop_or_change_is_refused_and_no_value_is_told(given, expected):
    with pytest.raises(UsageError) as caught:
        check_parameters(job(), given)
    assert expected in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_job_without_parameters_may_get_them_by_its_first_build():
    with pytest.raises(UsageError, match="trigger it once without"):
        check_parameters(job((), next_number=1), [("A", "b")])
    with pytest.raises(UsageError, match="leave --param out"):
        check_parameters(job((), next_number=2), [("A", "b")])
