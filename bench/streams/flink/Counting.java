package everspan.bench;

import java.io.Serializable;
import org.apache.flink.api.common.accumulators.LongCounter;
import org.apache.flink.api.common.accumulators.LongMinimum;
import org.apache.flink.streaming.api.functions.sink.RichSinkFunction;

/** The end of every job: counts records, adds up their checksums, notes when the first one came. */
final class Counting<T> extends RichSinkFunction<T> {
    /** What a record adds to the checksum. */
    interface Checksum<T> extends Serializable {
        long of(T record);
    }

    private final Checksum<T> checksum;
    private long count;
    private long sum;
    private long firstMs = Long.MAX_VALUE;

    Counting(Checksum<T> checksum) {
        this.checksum = checksum;
    }

    @Override
    public void invoke(T record, Context context) {
        if (count++ == 0) {
            firstMs = System.currentTimeMillis();
        }
        sum += checksum.of(record);
    }

    @Override
    public void finish() {
        getRuntimeContext().addAccumulator("outputs", new LongCounter(count));
        getRuntimeContext().addAccumulator("checksum", new LongCounter(sum));
        getRuntimeContext().addAccumulator("first_record_ms", new LongMinimum(firstMs));
    }
}
