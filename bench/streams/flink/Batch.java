package everspan.bench;

import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.util.Collector;

/** Makes 100 records of every number of the source, so that the source itself costs little. */
abstract class Batch<T> extends RichFlatMapFunction<Long, T> {
    static final int RECORDS = 100;

    protected abstract void emit(long i, Collector<T> out);

    @Override
    public void flatMap(Long number, Collector<T> out) {
        long first = number * RECORDS;
        for (int k = 0; k < RECORDS; k++) {
            emit(first + k, out);
        }
    }
}
