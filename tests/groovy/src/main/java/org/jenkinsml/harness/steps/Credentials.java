package org.jenkinsml.harness.steps;

import hudson.AbortException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jenkinsci.plugins.workflow.steps.MissingContextVariableException;
import org.jenkinsml.harness.Build;
import org.jenkinsml.harness.Context;
import org.jenkinsml.harness.Described;
import org.jenkinsml.harness.Folders;
import org.jenkinsml.harness.Live;
import org.jenkinsml.harness.Server;
import org.jenkinsml.harness.WorkingDirectory;

/** The credentials of one {@code withCredentials} block, as environment variables and files. */
public final class Credentials implements Live {

    private static final Map<String, String> CLASSES = Map.of("StringBinding", "string", "FileBinding", "file",
            "UsernamePasswordMultiBinding", "usernamePassword", "UsernamePasswordBinding", "usernameColonPassword",
            "SSHUserPrivateKeyBinding", "sshUserPrivateKey");

    private final Build build;
    private final Context context;
    private final Map<String, String> variables = new LinkedHashMap<>();
    private final List<String> secretVariables = new ArrayList<>();
    private Path folder;

    private Credentials(Build build, Context context) {
        this.build = build;
        this.context = context;
    }

    public static Credentials bind(Build build, Context context, List<?> bindings) throws Exception {
        Credentials credentials = new Credentials(build, context);
        for (Object binding : bindings) {
            credentials.add(described(binding));
        }
        return credentials;
    }

    /** The binding that {@code NAME = credentials(id)} in an environment section means: it depends on the credential. */
    public static Described binding(Build build, String variable, String id) throws AbortException {
        Server.Credential credential = find(build, id);
        Map<String, Object> arguments = new LinkedHashMap<>();
        arguments.put("credentialsId", id);
        switch (credential.type()) {
            case "usernamePassword" -> {
                arguments.put("variable", variable);
                arguments.put("usernameVariable", variable + "_USR");
                arguments.put("passwordVariable", variable + "_PSW");
            }
            case "sshUserPrivateKey" -> {
                arguments.put("keyFileVariable", variable);
                arguments.put("usernameVariable", variable + "_USR");
                arguments.put("passphraseVariable", variable + "_PSW");
            }
            default -> arguments.put("variable", variable);
        }
        return new Described(credential.type(), arguments);
    }

    private static Described described(Object binding) {
        if (binding instanceof Described described) {
            return described;
        }
        Map<String, Object> arguments = new LinkedHashMap<>();
        ((Map<?, ?>) binding).forEach((name, value) -> arguments.put(name.toString(), value));
        String type = String.valueOf(arguments.remove("$class"));
        return new Described(CLASSES.getOrDefault(type, type), arguments);
    }

    private static Server.Credential find(Build build, String id) throws AbortException {
        Server.Credential credential = id == null ? null : build.job().server().credential(id);
        if (credential == null) {
            throw new AbortException(id);
        }
        return credential;
    }

    private void add(Described binding) throws Exception {
        String id = binding.text("credentialsId");
        Server.Credential credential = build.job().server().credential(id);
        if (credential == null) {
            throw new AbortException("Could not find credentials entry with ID '" + id + "'");
        }
        String wanted = binding.symbol().equals("usernameColonPassword") ? "usernamePassword" : binding.symbol();
        if (!credential.type().equals(wanted)) {
            throw new AbortException("Credentials '" + id + "' is of type '" + credential.type() + "' where '" + wanted
                    + "' was expected");
        }
        switch (binding.symbol()) {
            case "string" -> secret(binding.text("variable"), credential.text("secret"));
            case "file" -> secret(binding.text("variable"),
                    file(credential.text("fileName"), credential.text("content")).toString());
            case "sshUserPrivateKey" -> {
                secret(binding.text("keyFileVariable"), file("ssh-key-" + id, credential.text("key")).toString());
                secret(binding.text("usernameVariable"), credential.text("username"));
                secret(binding.text("passphraseVariable"), credential.text("passphrase"));
            }
            default -> {
                secret(binding.text("variable"), credential.text("username") + ":" + credential.text("password"));
                secret(binding.text("usernameVariable"), credential.text("username"));
                secret(binding.text("passwordVariable"), credential.text("password"));
            }
        }
    }

    private void secret(String variable, String value) {
        if (variable != null) {
            variables.put(variable, value);
            secretVariables.add("$" + variable);
        }
    }

    private Path file(String name, String content) throws IOException, MissingContextVariableException {
        if (context.get(WorkingDirectory.class) == null) {
            throw new MissingContextVariableException("class hudson.FilePath", "node");
        }
        folder = Files.createDirectories(build.home().resolve("secretFiles").resolve(UUID.randomUUID().toString()));
        return Files.writeString(folder.resolve(name), content);
    }

    public List<String> assignments() {
        return variables.entrySet().stream().map(variable -> variable.getKey() + "=" + variable.getValue()).toList();
    }

    public List<String> secrets() {
        return List.copyOf(variables.values());
    }

    public List<String> secretVariables() {
        return secretVariables;
    }

    public void close() throws IOException {
        if (folder != null) {
            Folders.delete(folder);
        }
    }
}
