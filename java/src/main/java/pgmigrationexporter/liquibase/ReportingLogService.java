package pgmigrationexporter.liquibase;

import java.util.ServiceLoader;
import java.util.logging.Level;
import liquibase.logging.*;
import liquibase.logging.core.*;

/** Passes each log message on unchanged, then shows it to the observer. */
public class ReportingLogService extends JavaLogService {
    private LogService replaced;

    @Override
    public int getPriority() {
        return Sinks.CONFIGURED ? Integer.MAX_VALUE : -1;
    }

    @Override
    public Logger getLog(Class source) {
        if (replaced == null) {
            replaced = this;
            for (LogService other : ServiceLoader.load(LogService.class)) {
                boolean isOurs = other instanceof ReportingLogService;
                replaced = isOurs || other.getPriority() <= super.getPriority() ? replaced : other;
            }
        }
        Logger logger = replaced == this ? super.getLog(source) : replaced.getLog(source);
        return new AbstractLogger() {
            @Override
            public void log(Level level, String message, Throwable thrown) {
                logger.log(level, message, thrown);
                Observer.observe(source, message, thrown);
            }
        };
    }
}
