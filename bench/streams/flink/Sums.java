package everspan.bench;

import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.util.Collector;

/** Keyed sum: random keys out of a million; the value depends on the key alone, so that running sums do not depend on the order. */
final class Sums {
    private static final long KEYS = 1_000_000;

    private Sums() {}

    static void build(DataStream<Long> numbers) {
        numbers.flatMap(new Pairs())
            .keyBy(pair -> pair.f0, Types.LONG)
            .process(new Running<>("sum", Types.LONG))
            .addSink(new Counting<>(pair -> Mix.record(pair.f0, pair.f1, 0, 0)));
    }

    public static final class Pairs extends Batch<Tuple2<Long, Long>> {
        private final Tuple2<Long, Long> pair = new Tuple2<>();

        @Override
        protected void emit(long i, Collector<Tuple2<Long, Long>> out) {
            long key = Mix.positive(i) % KEYS;
            pair.f0 = key;
            pair.f1 = key & 0xff;
            out.collect(pair);
        }
    }
}
