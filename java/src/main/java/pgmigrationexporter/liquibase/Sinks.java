package pgmigrationexporter.liquibase;

import java.io.OutputStream;
import java.net.*;
import java.nio.file.*;
import java.sql.*;
import java.util.Scanner;
import java.util.concurrent.*;
import liquibase.database.jvm.JdbcConnection;

/** Where reports go: a directory and an HTTP endpoint, from one background thread; and a table. */
final class Sinks {
    private static final String URL = setting("URL");
    private static final String TOKEN = setting("TOKEN");
    private static final String DIRECTORY = setting("DIRECTORY");
    private static final boolean TABLE = Boolean.parseBoolean(setting("TABLE"));
    static final boolean CONFIGURED = !URL.isEmpty() || !DIRECTORY.isEmpty() || TABLE;
    private static final int TIMEOUT = 2000; // milliseconds
    private static final String WRITE = "insert into migration_exporter.report as r (run_id, started, report)"
        + " values (?::uuid, to_timestamp(?), ?::jsonb)"
        + " on conflict (run_id) do update set updated = clock_timestamp(), report = excluded.report";
    private static final ScheduledThreadPoolExecutor WORKER = new ScheduledThreadPoolExecutor(1, task -> {
        Thread thread = new Thread(task, "pg-migration-reporter");
        thread.setDaemon(true);
        return thread;
    });

    interface Action {
        void run() throws Exception;
    }

    private static String setting(String name) {
        String variable = System.getenv("PG_MIGRATION_REPORT_" + name);
        return System.getProperty("pg.migration.report." + name.toLowerCase(), variable == null ? "" : variable).trim();
    }

    /** A migration does not depend on its report. */
    static void attempt(Action action) {
        try {
            action.run();
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        } catch (Throwable ignored) {
            // Whatever it is, the migration goes on.
        }
    }

    /** Reports a run now, and every 15 s while its thread lives. */
    static void start(Run run) {
        run.heartbeat = WORKER.scheduleWithFixedDelay(() -> {
            if (run.thread.isAlive()) {
                run.isChanged.set(true);
                deliver(run);
            }
        }, 0, 15, TimeUnit.SECONDS);
    }

    /** Reports a change without waiting; several changes may become one report. */
    static void send(Run run) {
        if (!run.isChanged.getAndSet(true)) {
            WORKER.execute(() -> deliver(run));
        }
    }

    /** Reports the end, and waits for at most 2 s: the JVM may end next. */
    static void sendLast(Run run) {
        run.heartbeat.cancel(false);
        run.isChanged.set(true);
        attempt(() -> WORKER.submit(() -> deliver(run)).get(TIMEOUT, TimeUnit.MILLISECONDS));
        WORKER.setKeepAliveTime(5, TimeUnit.SECONDS);
        WORKER.allowCoreThreadTimeOut(true);
    }

    private static void deliver(Run run) {
        if (run.isChanged.getAndSet(false)) {
            String json = run.json();
            attempt(() -> toDirectory(run.id, json.getBytes("UTF-8")));
            attempt(() -> toEndpoint(json.getBytes("UTF-8")));
        }
    }

    private static void toDirectory(String id, byte[] json) throws Exception {
        if (!DIRECTORY.isEmpty()) {
            Path unfinished = Files.createDirectories(Paths.get(DIRECTORY)).resolve(id + ".tmp");
            Files.write(unfinished, json);
            Files.move(unfinished, unfinished.resolveSibling(id + ".json"), StandardCopyOption.ATOMIC_MOVE);
        }
    }

    private static void toEndpoint(byte[] json) throws Exception {
        if (!URL.isEmpty()) {
            URL endpoint = new URL(URL.replaceFirst("/+$", "") + "/api/v1/reports");
            HttpURLConnection http = (HttpURLConnection) endpoint.openConnection();
            http.setConnectTimeout(TIMEOUT);
            http.setReadTimeout(TIMEOUT);
            http.setInstanceFollowRedirects(false);
            http.setRequestProperty("Authorization", "Bearer " + TOKEN);
            http.setRequestProperty("Content-Type", "application/json");
            http.setDoOutput(true);
            try (OutputStream body = http.getOutputStream()) {
                body.write(json);
            }
            http.getResponseCode();
            http.disconnect();
        }
    }

    /** Writes a row on the migration's own connection: a pool may have no other, and the password is not known. */
    static void toTable(Run run) {
        if (TABLE) {
            attempt(() -> write(run, ((JdbcConnection) run.database.getConnection()).getUnderlyingConnection()));
        }
    }

    /** Why the table must not be written to: somebody else made it, and could run code with the rights of this role. */
    private static String obstacleQuery() {
        try (Scanner sql = new Scanner(Sinks.class.getResourceAsStream("obstacle.sql"), "UTF-8").useDelimiter("\\A")) {
            return sql.next();
        }
    }

    private static boolean isTrusted(Statement statement) throws SQLException {
        statement.execute("lock table only migration_exporter.report in row exclusive mode");
        try (ResultSet found = statement.executeQuery(obstacleQuery())) {
            return found.next() && found.getString(1) == null;
        }
    }

    /** Is called between two transactions of the migration; the settings end with this one. */
    private static void write(Run run, Connection connection) throws Exception {
        if (connection.getAutoCommit()) {
            return;
        }
        if ("failed".equals(run.outcome)) {
            connection.rollback();
        }
        try (Statement check = connection.createStatement(); PreparedStatement row = connection.prepareStatement(WRITE)) {
            check.execute("set local statement_timeout = '2s'; set local lock_timeout = '1s';"
                + " set local search_path = pg_catalog, pg_temp");
            if (isTrusted(check)) {
                row.setString(1, run.id);
                row.setDouble(2, run.started);
                row.setString(3, run.json());
                row.execute();
            }
            connection.commit();
        } catch (Exception error) {
            connection.rollback();
        }
    }
}
