package org.jenkinsml.evaluate;

import groovy.lang.Binding;
import groovy.lang.GroovyShell;
import java.util.List;
import java.util.Map;
import org.codehaus.groovy.control.CompilerConfiguration;
import org.codehaus.groovy.control.customizers.ImportCustomizer;
import org.jenkinsci.plugins.workflow.libs.Library;

/** Compiles one Jenkinsfile as plain Groovy and runs it against a recorder. */
final class Evaluation {

    private Evaluation() {
    }

    /** Everything the script calls and assigns, as it nests. */
    static List<Map<String, Object>> of(String source) {
        CompilerConfiguration configuration = new CompilerConfiguration();
        configuration.setScriptBaseClass(RecordingScript.class.getName());
        configuration.addCompilationCustomizers(new ImportCustomizer().addImports(Library.class.getName()));
        GroovyShell shell = new GroovyShell(Evaluation.class.getClassLoader(), new Binding(), configuration);
        RecordingScript script = (RecordingScript) shell.parse(source, "Jenkinsfile");
        script.run();
        return script.recorder().calls();
    }
}
