package org.jenkinsml.evaluate;

import groovy.lang.Script;

/** The class of the scripts: whatever a script does not define itself goes to the recorder instead of to Jenkins. */
public abstract class RecordingScript extends Script {

    private final Recorder recorder = new Recorder();

    Recorder recorder() {
        return recorder;
    }

    @Override
    public Object invokeMethod(String name, Object arguments) {
        return recorder.call(name, (Object[]) arguments);
    }

    @Override
    public Object getProperty(String name) {
        return recorder.read(name);
    }

    @Override
    public void setProperty(String name, Object value) {
        recorder.assign(name, value);
    }
}
