package everspan.bench;

import org.apache.flink.api.common.accumulators.LongCounter;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

/**
 * Keyed state under checkpoints: every key is written once, in order, then random keys at a slow rate, each read and written
 * anew. One failure after a number of completed checkpoints; keys that a restored state does not have are counted.
 */
final class Keeping {
    private static final int RECORDS_BETWEEN_SLEEPS = 20;

    private Keeping() {}

    static void build(StreamExecutionEnvironment env, long keys, int valueBytes, int failAfterCheckpoints) {
        env.fromSource(new Ranges(Long.MAX_VALUE), WatermarkStrategy.noWatermarks(), "numbers")
            .map(new Keyed(keys))
            .keyBy(pair -> pair[0])
            .process(new Keeper(valueBytes, failAfterCheckpoints))
            .sinkTo(new DiscardingSink<>());
    }

    /** (key, number). */
    public static final class Keyed implements MapFunction<Long, long[]> {
        private final long keys;
        private int sinceSleep;

        Keyed(long keys) {
            this.keys = keys;
        }

        @Override
        public long[] map(Long number) throws InterruptedException {
            if (number < keys) {
                return new long[] {number, number};
            }
            if (++sinceSleep % RECORDS_BETWEEN_SLEEPS == 0) {
                Thread.sleep(1);
            }
            long random = number * 0x9E3779B97F4A7C15L;
            random ^= random >>> 32;
            return new long[] {(random & Long.MAX_VALUE) % keys, number};
        }
    }

    public static final class Keeper extends KeyedProcessFunction<Long, long[], Long> implements CheckpointListener {
        private final int valueBytes;
        private final int failAfterCheckpoints;
        private transient ValueState<byte[]> value;
        private transient LongCounter absent;
        private transient int completed;
        private transient boolean mustFail;
        private transient boolean restored;

        Keeper(int valueBytes, int failAfterCheckpoints) {
            this.valueBytes = valueBytes;
            this.failAfterCheckpoints = failAfterCheckpoints;
        }

        @Override
        public void open(OpenContext context) {
            value = getRuntimeContext().getState(new ValueStateDescriptor<>("value", byte[].class));
            restored = getRuntimeContext().getTaskInfo().getAttemptNumber() > 0;
            absent = getRuntimeContext().getLongCounter("absent");
        }

        @Override
        public void processElement(long[] pair, Context context, Collector<Long> out) throws Exception {
            if (mustFail) {
                throw new IllegalStateException("the failure that was asked for");
            }
            byte[] before = value.value();
            if (before == null && restored) {
                absent.add(1L);
            }
            value.update(bytes(pair[0] * 31 + pair[1]));
            out.collect(pair[0]);
        }

        private byte[] bytes(long z) {
            byte[] bytes = new byte[valueBytes];
            for (int i = 0; i < valueBytes; i++) {
                if ((i & 7) == 0) {
                    z += 0x9E3779B97F4A7C15L;
                    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
                    z ^= z >>> 27;
                }
                bytes[i] = (byte) (z >>> (8 * (i & 7)));
            }
            return bytes;
        }

        @Override
        public void notifyCheckpointComplete(long id) {
            completed++;
            mustFail = completed == failAfterCheckpoints && !restored;
        }
    }
}
