package pgmigrationexporter.liquibase;

import java.util.List;
import liquibase.database.Database;
import liquibase.exception.DatabaseException;
import liquibase.executor.jvm.JdbcExecutor;
import liquibase.sql.visitor.SqlVisitor;
import liquibase.statement.SqlStatement;

/** Shows the observer the database, and why a statement failed: before 4.27, the log does not contain it. */
public class ReportingExecutor extends JdbcExecutor {
    @Override
    public int getPriority() {
        return Sinks.CONFIGURED ? super.getPriority() + 1 : -1;
    }

    @Override
    public void setDatabase(Database database) {
        super.setDatabase(database);
        Observer.CURRENT.get().database = database;
    }

    @Override
    public void execute(SqlStatement statement, List<SqlVisitor> visitors) throws DatabaseException {
        try {
            super.execute(statement, visitors);
        } catch (DatabaseException | RuntimeException error) {
            Observer.CURRENT.get().error = error;
            throw error;
        }
    }
}
