package org.jenkinsml.harness.front;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.codehaus.groovy.ast.ASTNode;
import org.codehaus.groovy.ast.expr.ClosureExpression;
import org.codehaus.groovy.ast.expr.Expression;
import org.codehaus.groovy.ast.expr.MethodCallExpression;

/**
 * What a declarative pipeline consists of, as {@link ModelParser} reads it, {@link ModelValidator} checks it and
 * {@link ModelTransformer} turns it into a map. Every element knows the syntax it came from, for error messages and
 * because the values in it are Groovy.
 */
final class Model {

    private Model() {
    }

    /** Any part of the model. */
    abstract static class Element {
        final ASTNode at;

        Element(ASTNode at) {
            this.at = at;
        }
    }

    /** The {@code pipeline} block. */
    static final class Pipeline extends Element {
        final MethodCallExpression call;
        Stages stages;
        Post post;
        Environment environment;
        Agent agent;
        Tools tools;
        Options options;
        Calls parameters;
        Calls triggers;
        Libraries libraries;

        Pipeline(ASTNode at, MethodCallExpression call) {
            super(at);
            this.call = call;
        }
    }

    /** A {@code stages} or {@code parallel} block. */
    static final class Stages extends Element {
        final List<Stage> stages = new ArrayList<>();

        Stages(ASTNode at) {
            super(at);
        }
    }

    /** The sections that a stage and a matrix share. */
    abstract static class StageSections extends Element {
        Agent agent;
        When when;
        Post post;
        Tools tools;
        Environment environment;
        Options options;
        Input input;
        Stages stages;

        StageSections(ASTNode at) {
            super(at);
        }
    }

    /** A {@code stage}; its {@code steps} are one branch, or several when they are a single parallel step. */
    static final class Stage extends StageSections {
        String name;
        final List<Branch> branches = new ArrayList<>();
        ClosureExpression steps;
        Stages parallel;
        Matrix matrix;
        Boolean failFast;

        Stage(ASTNode at) {
            super(at);
        }
    }

    /** A {@code matrix} block. */
    static final class Matrix extends StageSections {
        Axes axes;
        Excludes excludes;

        Matrix(ASTNode at) {
            super(at);
        }
    }

    /** The {@code axes} of a matrix, or those of one {@code exclude}. */
    static final class Axes extends Element {
        final List<Axis> axes = new ArrayList<>();

        Axes(ASTNode at) {
            super(at);
        }
    }

    /** The {@code excludes} of a matrix. */
    static final class Excludes extends Element {
        final List<Axes> excludes = new ArrayList<>();

        Excludes(ASTNode at) {
            super(at);
        }
    }

    /** An {@code axis}; negated when an exclude names the values that stay. */
    static final class Axis extends Element {
        Key name;
        boolean negated;
        final List<Argument> values = new ArrayList<>();

        Axis(ASTNode at) {
            super(at);
        }
    }

    /** An {@code agent} section: a type and its argument, which may be a block of settings. */
    static final class Agent extends Element {
        Key type;
        Expression argument;
        Settings settings;

        Agent(ASTNode at) {
            super(at);
        }
    }

    /** A block of {@code name value} lines: where each name stands, and the settings of those that are blocks. */
    static final class Settings extends Element {
        final Map<String, ASTNode> keys = new LinkedHashMap<>();
        final Map<String, Settings> nested = new LinkedHashMap<>();

        Settings(ASTNode at) {
            super(at);
        }
    }

    /** An {@code environment} section. */
    static final class Environment extends Element {
        final Map<String, Key> names = new LinkedHashMap<>();
        final Map<String, Expression> values = new LinkedHashMap<>();

        Environment(ASTNode at) {
            super(at);
        }
    }

    /** A {@code tools} section. */
    static final class Tools extends Element {
        final Map<String, Key> types = new LinkedHashMap<>();
        final Map<String, Value> names = new LinkedHashMap<>();

        Tools(ASTNode at) {
            super(at);
        }
    }

    /** A {@code libraries} section. */
    static final class Libraries extends Element {
        final List<Value> identifiers = new ArrayList<>();

        Libraries(ASTNode at) {
            super(at);
        }
    }

    /** A {@code parameters} or {@code triggers} section. */
    static class Calls extends Element {
        final List<Call> calls = new ArrayList<>();

        Calls(ASTNode at) {
            super(at);
        }
    }

    /** An {@code options} section. */
    static final class Options extends Calls {
        final boolean inStage;

        Options(ASTNode at, boolean inStage) {
            super(at);
            this.inStage = inStage;
        }
    }

    /** An {@code input} section. */
    static final class Input extends Element {
        final Map<String, Value> fields = new LinkedHashMap<>();
        final List<Call> parameters = new ArrayList<>();

        Input(ASTNode at) {
            super(at);
        }
    }

    /** A {@code when} section. */
    static final class When extends Element {
        final Map<String, Boolean> before = new LinkedHashMap<>();
        final List<WhenContent> conditions = new ArrayList<>();

        When(ASTNode at) {
            super(at);
        }
    }

    /** One condition of {@code when}: an expression or a named one. */
    sealed interface WhenContent permits CodeBlock, Condition {
    }

    /** A named condition: with arguments or, nested, with conditions. No name when it is no condition at all. */
    static final class Condition extends Element implements WhenContent {
        String name;
        Arguments arguments;
        final List<WhenContent> children = new ArrayList<>();
        MethodCallExpression call;

        Condition(ASTNode at) {
            super(at);
        }
    }

    /** A {@code post} section. */
    static final class Post extends Element {
        final List<PostCondition> conditions = new ArrayList<>();

        Post(ASTNode at) {
            super(at);
        }
    }

    /** One condition of {@code post} with its steps. */
    record PostCondition(ASTNode at, String condition, Branch branch, ClosureExpression body) {
    }

    /** A sequence of steps. */
    record Branch(ASTNode at, String name, List<Step> steps) {
    }

    /** A statement in a block of steps. */
    sealed interface Step permits CodeBlock, StepCall {
    }

    /** Free Groovy: {@code script} or {@code expression}; no body when it was written without a block. */
    record CodeBlock(ASTNode at, String name, String source, ClosureExpression body) implements Step, WhenContent {
    }

    /** A step with its arguments, and its children if it has a block. No name when it is no step at all. */
    record StepCall(ASTNode at, String name, Arguments arguments, List<Step> children) implements Step {
    }

    /** The arguments of a step or condition: named ones, a single one, or several without names. */
    record Arguments(Kind kind, List<Named> named, List<Value> values) {
        enum Kind { NAMED, SINGLE, POSITIONAL }

        static Arguments named(List<Named> named) {
            return new Arguments(Kind.NAMED, named, List.of());
        }

        /** The value of that name, or null. */
        Value named(String name) {
            return named.stream().filter(n -> n.key().text().equals(name)).map(n -> (Value) n.value())
                    .reduce((first, second) -> second).orElse(null);
        }
    }

    /** An argument of a {@link Call}. */
    sealed interface Argument permits Value, Named, Call {
        ASTNode at();
    }

    /** A value; not a literal when only the run can tell it, then {@code value} is its source text. */
    record Value(ASTNode at, Object value, boolean literal) implements Argument {
    }

    /** {@code key: value}; no value when it cannot be one. */
    record Named(ASTNode at, Key key, Argument value) implements Argument {
    }

    /** {@code name(arguments)} of an option, a trigger, a build parameter, or nested in one. No name: unreadable. */
    static final class Call extends Element implements Argument {
        String name;
        MethodCallExpression call;
        final List<Argument> arguments = new ArrayList<>();

        Call(ASTNode at) {
            super(at);
        }

        @Override
        public ASTNode at() {
            return at;
        }

        boolean hasNamed() {
            return arguments.stream().anyMatch(Named.class::isInstance);
        }

        boolean mixesNamedAndUnnamed() {
            return hasNamed() && !arguments.stream().allMatch(Named.class::isInstance);
        }
    }

    /** A name in the source. */
    record Key(ASTNode at, String text) {
    }
}
