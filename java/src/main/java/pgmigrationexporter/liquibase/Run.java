package pgmigrationexporter.liquibase;

import java.lang.management.ManagementFactory;
import java.util.*;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.*;
import java.util.stream.*;
import liquibase.Scope;
import liquibase.changelog.DatabaseChangeLog;
import liquibase.database.Database;
import liquibase.util.*;

/** One run of Liquibase and its report: JSON as `pg-migration-exporter run` writes it. */
final class Run {
    private static final Pattern JDBC_URL = Pattern.compile("jdbc:(?:\\w+:)*?postgresql://([^/?]+).*");
    private static final String UNFINISHED = "running|rolling_back";

    final String id = UUID.randomUUID().toString();
    final Thread thread = Thread.currentThread();
    final AtomicBoolean isChanged = new AtomicBoolean();
    final Database database;
    final double started = now();
    volatile Double ended;
    volatile String changelog;
    volatile String deploymentId = "";
    /** Before the end, false means that it is not known yet. */
    volatile boolean tookLock;
    Future<?> heartbeat;
    /** "succeeded", "failed", or null while it is not known. */
    String outcome;
    /** Why a changeset failed; at the end, why the run did. */
    String reason;
    /** Identity, result, milliseconds. */
    private final Deque<String[]> changesets = new ArrayDeque<>();
    private final String command;
    private final String host = NetUtil.getLocalHostName();
    private final String servers;
    private final String databaseName;
    private String changelogFile = "";
    private int omitted;

    Run(String command, Database database) throws Exception {
        this.command = command;
        this.database = database;
        Matcher url = JDBC_URL.matcher(database.getConnection().getURL());
        servers = !url.matches() ? "" : Stream.of(url.group(1).split(","))
            .map(server -> quote(server.matches(".*:\\d+") ? server : server + ":5432")).collect(Collectors.joining(","));
        databaseName = database.getConnection().getCatalog();
        String schema = database.getLiquibaseSchemaName() == null ? "public" : database.getLiquibaseSchemaName();
        changelog = schema + "." + database.getDatabaseChangeLogTableName().toLowerCase();
    }

    private static double now() {
        return System.currentTimeMillis() / 1000.0;
    }

    /** Sets the result of a changeset, which ends the one before it. */
    synchronized void set(String identity, String result, String milliseconds) {
        String[] last = changesets.peekLast();
        if (last != null && last[0].equals(identity) && last[1].matches(UNFINISHED + "|failed|failure_ignored")) {
            changesets.removeLast();
        }
        finishLast("skipped");
        tookLock = true;
        changesets.add(new String[] {identity, result, milliseconds});
        if (changesets.size() > 1000) {
            changesets.removeFirst();
            omitted++;
        }
        DatabaseChangeLog file = Scope.getCurrentScope().get(Scope.Attr.databaseChangeLog, DatabaseChangeLog.class);
        changelogFile = file == null ? changelogFile : file.getPhysicalFilePath();
    }

    private void finishLast(String result) {
        String[] last = changesets.peekLast();
        if (last != null && last[1].matches(UNFINISHED)) {
            last[1] = result.equals("skipped") && last[1].equals("rolling_back") ? "rolled_back" : result;
        }
    }

    /** Ends the run; one reason is that of an unfinished changeset, the other that of no changeset. */
    synchronized void end(String changesetReason, String otherReason) {
        boolean isUnfinished = !changesets.isEmpty() && changesets.getLast()[1].matches(UNFINISHED);
        reason = reason != null ? reason : isUnfinished ? changesetReason : otherReason;
        finishLast(outcome.equals("failed") ? "failed" : "skipped");
        ended = now();
    }

    synchronized String json() {
        String results = changesets.stream().map(entry -> String.format("{\"identity\":%s,\"result\":%s,\"duration\":%s}",
            quote(entry[0]), quote(entry[1]), entry[2] == null ? null : Long.parseLong(entry[2]) / 1000.0))
            .collect(Collectors.joining(","));
        String last = changesets.isEmpty() || !changesets.getLast()[1].equals("failed") ? "" : changesets.getLast()[0];
        String failure = ended == null || !outcome.equals("failed") ? "null"
            : "{\"changeset\":" + quote(last) + ",\"reason\":" + quote(reason) + "}";
        return "{\"format\":1,\"run_id\":" + quote(id) + ",\"command\":" + quote(command) + ",\"host\":" + quote(host)
            + ",\"pid\":" + ManagementFactory.getRuntimeMXBean().getName().replaceFirst("@.*", "")
            + ",\"target\":{\"servers\":[" + servers + "],\"database\":" + quote(databaseName)
            + ",\"changelog\":" + quote(changelog) + ",\"changelog_file\":" + quote(changelogFile)
            + "},\"started\":" + started + ",\"updated\":" + now() + ",\"ended\":" + ended
            + ",\"outcome\":" + quote(ended == null ? "running" : outcome) + ",\"failure\":" + failure
            + ",\"changesets\":[" + results + "],\"changesets_omitted\":" + omitted + ",\"liquibase_version\":"
            + quote(LiquibaseUtil.getBuildVersion()) + ",\"deployment_id\":" + quote(deploymentId)
            + ",\"lock_taken\":" + (tookLock || ended != null ? tookLock : null) + "}";
    }

    private static String quote(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        String.valueOf(text).chars().limit(1000).forEach(code -> quoted.append(
            code < ' ' || Character.isSurrogate((char) code) ? " "
            : code > 126 || code == '"' || code == '\\' ? String.format("\\u%04x", code) : String.valueOf((char) code)));
        return quoted.append('"').toString();
    }
}
