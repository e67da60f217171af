package org.jenkinsml.harness.front;

import java.util.List;

/** What the server's validator says of a Jenkinsfile: whether it is accepted and, if not, why. */
public record Verdict(boolean accepted, List<String> errors) {
}
