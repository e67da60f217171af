package org.jenkinsml.harness.globals;

/** Something that a step gives to a script, which may use all of it. */
public interface Value {
}
