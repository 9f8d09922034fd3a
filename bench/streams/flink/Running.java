package everspan.bench;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** Adds each value to its key's state and emits every new total. */
final class Running<K> extends KeyedProcessFunction<K, Tuple2<K, Long>, Tuple2<K, Long>>
        implements ResultTypeQueryable<Tuple2<K, Long>> {
    private final String name;
    private final TypeInformation<K> key;
    private final Tuple2<K, Long> result = new Tuple2<>();
    private transient ValueState<Long> total;

    Running(String name, TypeInformation<K> key) {
        this.name = name;
        this.key = key;
    }

    @Override
    public TypeInformation<Tuple2<K, Long>> getProducedType() {
        return Types.TUPLE(key, Types.LONG);
    }

    @Override
    public void open(OpenContext context) {
        total = getRuntimeContext().getState(new ValueStateDescriptor<>(name, Types.LONG));
    }

    @Override
    public void processElement(Tuple2<K, Long> pair, Context context, Collector<Tuple2<K, Long>> out) throws Exception {
        Long before = total.value();
        long after = (before == null ? 0 : before) + pair.f1;
        total.update(after);
        result.f0 = pair.f0;
        result.f1 = after;
        out.collect(result);
    }
}
