package org.jenkinsml.harness;

/** Belongs to the running harness and not to the state of a script: left out when that state is written. */
public interface Live {
}
