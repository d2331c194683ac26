package pgmigrationexporter.liquibase;

import java.util.Arrays;
import java.util.regex.*;
import liquibase.Scope;
import liquibase.database.Database;
import liquibase.database.core.PostgresDatabase;
import liquibase.executor.*;
import liquibase.lockservice.StandardLockService;

/** Follows the updates and rollbacks of one thread by their log messages, and never throws. */
final class Observer {
    static final ThreadLocal<Observer> CURRENT = ThreadLocal.withInitial(Observer::new);
    private static final String LOCKED = "Successfully acquired change log lock|Changelog-Protokoll erfolgreich gesperrt\\.";
    private static final String OUTCOME = "(?i)(update|rollback)[\\w-]* command (completed successfully|encountered an exception)\\.";
    private static final Pattern COMMAND = Pattern.compile(
        ".*(?:\\.(?=\\w+CommandStep\\.)|liquibase\\.Liquibase\\.)((?:[Uu]pdate|[Rr]ollback)\\w*?)(?:CommandStep\\.|\\().*");
    private static final String REASON = "ERROR: Exception Primary Reason:";
    private static final String UNKNOWN = "an exception, which is in the application's log";

    /** The results of changesets as in a report, and their messages. */
    private enum Result {
        running("Running Changeset: (.+)"),
        rolling_back("Rolling Back Change[Ss]et: (.+)"),
        ran("ChangeSet (.+) ran successfully in (\\d+)ms.*"),
        failed("ChangeSet (.+) encountered an exception\\."),
        failure_ignored("Change[Ss]et (.+) failed, (?:but failOnError was false|and the error was ignored).*"),
        marked_ran("Marking ChangeSet: \"?(.+?)\"? (?:as ran despite precondition f|ran despite precondition e).*"),
        skipped("Continuing past: (.+::.+::.+) despite precondition failure.*");

        final Pattern message;

        Result(String message) {
            this.message = Pattern.compile(message, Pattern.DOTALL);
        }
    }

    Database database;
    Throwable error;
    private Run run;
    private String reason = UNKNOWN;
    private boolean awaitsRelease;

    static void observe(Class<?> source, String message, Throwable thrown) {
        if (message != null) {
            Sinks.attempt(() -> CURRENT.get().follow(source, message.trim(), thrown));
        }
    }

    private void follow(Class<?> source, String text, Throwable thrown) throws Exception {
        for (Result result : Result.values()) {
            Matcher matcher = result.message.matcher(text);
            if (matcher.matches() && begin()) {
                if (result == Result.failed && run.reason == null) {
                    run.reason = describe(thrown == null ? error : thrown);
                }
                error = null;
                run.set(matcher.group(1), result.name(), result == Result.ran ? matcher.group(2) : null);
                Sinks.send(run);
            }
        }
        if (text.matches(LOCKED) && begin()) {
            awaitsRelease = source == StandardLockService.class;
            run.tookLock = true;
            Sinks.toTable(run);
        } else if (text.matches(OUTCOME) && begin()) {
            run.outcome = text.contains("success") ? "succeeded" : "failed";
            endIf(!awaitsRelease && depth() == 0);
        } else if (text.equals("Fast check found no un-run changesets") && begin()) {
            run.outcome = "succeeded";
            endIf(true);
        } else if (text.startsWith("Reading from ") && text.contains(".") && isRunning()) {
            run.changelog = text.substring(13).replaceAll("\"(?!\")", "");
        } else if (text.startsWith("Using deploymentId: ") && begin()) {
            run.deploymentId = text.substring(20);
        } else if (text.equals("Change failed validation!")) {
            reason = "the changelog failed validation; the application's log has the changesets";
            if (depth() == 0 && !isRunning() && begin()) {
                run.outcome = "failed";
                endIf(true);
            }
        } else if (text.startsWith(REASON)) {
            reason = describe(new Exception(text.substring(REASON.length())));
        } else if (text.equals("Successfully released change log lock") && isRunning()) {
            run.heartbeat.cancel(false);
            endIf(run.outcome != null);
        } else if (text.equals("Command execution complete")) {
            complete();
        }
    }

    /** The last message of a command, since 4.22. A failure before the lock was taken has no other one. */
    private void complete() throws Exception {
        boolean isOutermost = depth() <= 1;
        if (isRunning() || run == null && isOutermost && begin()) {
            run.outcome = run.outcome == null ? "failed" : run.outcome;
            endIf(true);
        }
        if (isOutermost) {
            CURRENT.remove();
        }
    }

    private void endIf(boolean isEnd) {
        if (isEnd) {
            run.end(describe(error), reason);
            Sinks.toTable(run);
            Sinks.sendLast(run);
            if (depth() == 0) {
                CURRENT.remove();
            }
        }
    }

    private boolean isRunning() {
        return run != null && run.ended == null;
    }

    /** Starts a run unless one is going on; false unless PostgreSQL is updated or rolled back, not for printed SQL. */
    private boolean begin() throws Exception {
        if (isRunning()) {
            return true;
        }
        Database current = Scope.getCurrentScope().getDatabase() == null ? database : Scope.getCurrentScope().getDatabase();
        ExecutorService executors = Scope.getCurrentScope().getSingleton(ExecutorService.class);
        String command = findCommand();
        if (command == null || !(current instanceof PostgresDatabase) || executors.executorExists("jdbc", current)
                && executors.getExecutor("jdbc", current) instanceof LoggingExecutor) {
            return false;
        }
        run = new Run(command, current);
        awaitsRelease = false;
        Sinks.start(run);
        return true;
    }

    /** The outermost update or rollback on the stack, named as on the command line; or null. */
    private static String findCommand() {
        Matcher matcher = COMMAND.matcher(stack());
        return !matcher.matches() || matcher.group(1).contains("Sql") ? null
            : matcher.group(1).replaceAll("(?<=[a-z])(?=[A-Z])", "-").toLowerCase();
    }

    /** The number of commands on the stack; before 4.22, there may be none. */
    private static int depth() {
        return stack().split("CommandScope\\.execute\\(").length - 1;
    }

    private static String stack() {
        return Arrays.toString(new Throwable().getStackTrace());
    }

    /** The message without SQL, the server's details (values of rows), class names and passwords. */
    private static String describe(Throwable thrown) {
        String message = thrown == null ? UNKNOWN : thrown.getMessage() == null ? thrown.toString() : thrown.getMessage();
        return message.split("\\[Failed SQL:|\\R {2}\\S", 2)[0]
            .replaceAll("\\b(?:(?:liquibase|java|javax|org)\\.[\\w.$]+: )+", "")
            .replaceAll("(?i)(password\\s*[=:]\\s*)[^\\s,;&]+", "$1***").replaceAll("\\s+", " ").trim();
    }
}
