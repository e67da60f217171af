package org.jenkinsml.harness;

import groovy.lang.Binding;
import groovy.lang.Script;
import java.io.IOException;
import java.io.ObjectOutputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Writes what a script is made of to nowhere, so that what cannot be saved fails here as it fails on the server. */
final class ProgramState extends ObjectOutputStream {

    private final Map<Binding, Object> bindings = new IdentityHashMap<>();

    private ProgramState() throws IOException {
        super(OutputStream.nullOutputStream());
        enableReplaceObject(true);
    }

    static void write(Set<CpsThread> threads) throws IOException {
        try (ProgramState state = new ProgramState()) {
            for (CpsThread thread : threads) {
                state.writeObject(thread.program);
            }
        }
    }

    @Override
    protected Object replaceObject(Object object) {
        if (object instanceof Live) {
            return "live";
        }
        if (object instanceof Script script) {
            return bindings.computeIfAbsent(script.getBinding(), ProgramState::variables);
        }
        return object;
    }

    private static List<Object> variables(Binding binding) {
        return new ArrayList<>(binding.getVariables().values());
    }
}
