package everspan.bench;

import org.apache.flink.api.common.functions.FlatMapFunction;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.util.Collector;

/** Word count: sentences of ten words out of 10,000, split at spaces, a running count for each word. */
final class Words {
    static final int IN_SENTENCE = 10;
    private static final int VOCABULARY = 10_000;

    private Words() {}

    static void build(DataStream<Long> numbers) {
        numbers.flatMap(new Sentences())
            .flatMap(new Split())
            .keyBy(word -> word.f0, Types.STRING)
            .process(new Running<>("count", Types.STRING))
            .addSink(new Counting<>(word -> Mix.record(word.f0.hashCode(), word.f1, 0, 0)));
    }

    public static final class Sentences extends Batch<String> {
        private final StringBuilder text = new StringBuilder();

        @Override
        protected void emit(long i, Collector<String> out) {
            text.setLength(0);
            for (int w = 0; w < IN_SENTENCE; w++) {
                long word = Mix.positive(i * IN_SENTENCE + w) % VOCABULARY;
                if (w > 0) {
                    text.append(' ');
                }
                text.append('w');
                for (int unit = 1000; unit > 0; unit /= 10) {
                    text.append((char) ('0' + word / unit % 10));
                }
            }
            out.collect(text.toString());
        }
    }

    public static final class Split implements FlatMapFunction<String, Tuple2<String, Long>> {
        private final Tuple2<String, Long> one = Tuple2.of("", 1L);

        @Override
        public void flatMap(String sentence, Collector<Tuple2<String, Long>> out) {
            int start = 0;
            int length = sentence.length();
            for (int i = 0; i <= length; i++) {
                if (i == length || sentence.charAt(i) == ' ') {
                    if (i > start) {
                        one.f0 = sentence.substring(start, i);
                        out.collect(one);
                    }
                    start = i + 1;
                }
            }
        }
    }
}
