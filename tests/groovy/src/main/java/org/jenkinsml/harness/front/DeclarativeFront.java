package org.jenkinsml.harness.front;

import groovy.lang.GroovyClassLoader;
import java.util.List;
import java.util.Set;
import org.codehaus.groovy.ast.ClassNode;
import org.codehaus.groovy.classgen.GeneratorContext;
import org.codehaus.groovy.classgen.VariableScopeVisitor;
import org.codehaus.groovy.control.CompilationUnit;
import org.codehaus.groovy.control.CompilePhase;
import org.codehaus.groovy.control.CompilerConfiguration;
import org.codehaus.groovy.control.MultipleCompilationErrorsException;
import org.codehaus.groovy.control.Phases;
import org.codehaus.groovy.control.SourceUnit;
import org.codehaus.groovy.control.customizers.CompilationCustomizer;
import org.codehaus.groovy.control.customizers.ImportCustomizer;
import org.codehaus.groovy.control.messages.SyntaxErrorMessage;

/** The declarative syntax: what the server's validator says of a Jenkinsfile, and what a build compiles it into. */
public final class DeclarativeFront {

    private DeclarativeFront() {
    }

    /** The validator's answer. */
    public static Verdict validate(String source, String fileName, Catalog catalog) {
        boolean[] found = {false};
        CompilationUnit unit = new CompilationUnit(configuration(), null, new GroovyClassLoader());
        unit.setClassNodeResolver(new ServerClasses(catalog));
        unit.addSource(fileName, source);
        unit.addPhaseOperation(new CompilationUnit.SourceUnitOperation() {
            @Override
            public void call(SourceUnit sourceUnit) {
                found[0] = !read(sourceUnit, catalog, new Problems(sourceUnit)).isEmpty();
            }
        }, Phases.CANONICALIZATION);
        try {
            unit.compile(Phases.CANONICALIZATION);
        } catch (MultipleCompilationErrorsException e) {
            return new Verdict(false, messages(e));
        }
        if (!found[0]) {
            return new Verdict(false,
                    List.of("Jenkinsfile content '" + source + "' did not contain the 'pipeline' step"));
        }
        return new Verdict(true, List.of());
    }

    /** Replaces the pipeline of a script by a call of {@code declarative}, or reports its errors to the compiler. */
    public static CompilationCustomizer transformer(Catalog catalog) {
        return new CompilationCustomizer(CompilePhase.SEMANTIC_ANALYSIS) {
            @Override
            public void call(SourceUnit source, GeneratorContext context, ClassNode classNode) {
                if (classNode.isScript()) {
                    transform(source, classNode, catalog);
                }
            }
        };
    }

    private static void transform(SourceUnit source, ClassNode script, Catalog catalog) {
        Problems problems = new Problems(source);
        List<Model.Pipeline> pipelines = read(source, catalog, problems);
        if (problems.none() && !pipelines.isEmpty()) {
            pipelines.forEach(ModelTransformer::transform);
            new VariableScopeVisitor(source).visitClass(script);
        }
    }

    private static List<Model.Pipeline> read(SourceUnit source, Catalog catalog, Problems problems) {
        try {
            ModelParser parser = new ModelParser(source, catalog, problems);
            List<Model.Pipeline> pipelines = PipelineFinder.find(source.getAST(), problems).stream()
                    .map(parser::parsePipeline).toList();
            ModelValidator validator = new ModelValidator(catalog, problems);
            pipelines.forEach(validator::validate);
            return pipelines;
        } catch (ServerException e) {
            problems.error(null, e.getMessage());
            return List.of();
        }
    }

    private static CompilerConfiguration configuration() {
        ImportCustomizer imports = new ImportCustomizer();
        imports.addStarImports(ServerClasses.STAR_IMPORTS.toArray(new String[0]));
        imports.addImports(ServerClasses.LIBRARY_ANNOTATION);
        CompilerConfiguration configuration = new CompilerConfiguration();
        configuration.addCompilationCustomizers(imports, new ForbiddenAnnotations());
        configuration.setDisabledGlobalASTTransformations(Set.of("groovy.grape.GrabAnnotationTransformation"));
        return configuration;
    }

    private static List<String> messages(MultipleCompilationErrorsException e) {
        return ((List<?>) e.getErrorCollector().getErrors()).stream()
                .filter(SyntaxErrorMessage.class::isInstance)
                .map(error -> ((SyntaxErrorMessage) error).getCause().getMessage())
                .toList();
    }
}
