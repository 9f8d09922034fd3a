package everspan.bench;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.Collector;

/** The Flink side of the comparison: one workload per run. Arguments are key=value; see ../../README.md for the workloads. */
public final class Job {
    private final Map<String, String> options = new HashMap<>();

    public static void main(String[] arguments) throws Exception {
        new Job(arguments).run();
    }

    private Job(String[] arguments) {
        for (String argument : arguments) {
            int equals = argument.indexOf('=');
            options.put(argument.substring(0, equals), argument.substring(equals + 1));
        }
    }

    private void run() throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism((int) number("parallelism"));
        env.getConfig().enableObjectReuse();
        env.getConfig().setAutoWatermarkInterval(50);
        String workload = options.get("workload");
        if (workload.equals("state")) {
            Keeping.build(env, number("keys"), (int) number("value-bytes"), (int) number("fail-after-checkpoints"));
        } else {
            build(env, workload, number("events"), (int) number("parallelism"));
        }
        env.execute(workload);
    }

    /** `events` must be a multiple of 100 times the parallelism, and the same for the sentences of `wc`. */
    private static void build(StreamExecutionEnvironment env, String workload, long events, int parallelism) {
        long records = workload.equals("wc") ? events / Words.IN_SENTENCE : events;
        DataStream<Long> numbers =
            env.fromSource(new Ranges(records / Batch.RECORDS), WatermarkStrategy.noWatermarks(), "numbers");
        switch (workload) {
            case "src" -> numbers.flatMap(new Numbers()).addSink(new Counting<>(i -> Mix.record(i, 0, 0, 0)));
            case "wc" -> Words.build(numbers);
            case "sum" -> Sums.build(numbers);
            default -> Nexmark.build(workload, numbers.flatMap(new Events(events, parallelism)));
        }
    }

    private long number(String name) {
        return Long.parseLong(options.get(name));
    }

    /** Emits the numbers themselves. */
    public static final class Numbers extends Batch<Long> {
        @Override
        protected void emit(long i, Collector<Long> out) {
            out.collect(i);
        }
    }
}
