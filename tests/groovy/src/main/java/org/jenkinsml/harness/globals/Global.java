package org.jenkinsml.harness.globals;

import org.jenkinsml.harness.Live;

/** A variable that the server gives to every script. */
public interface Global extends Live {
}
