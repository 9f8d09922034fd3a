package everspan.bench;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;

/**
 * Numbers from 0, one contiguous range for each subtask. Flink's own source gives ranges to whoever asks first, so that a
 * subtask that starts late may get none; here subtask s gets range s, and every run is the same.
 */
final class Ranges extends NumberSequenceSource {
    private final long count;

    Ranges(long count) {
        super(0, count - 1);
        this.count = count;
    }

    @Override
    public SplitEnumerator<NumberSequenceSplit, Collection<NumberSequenceSplit>> createEnumerator(
            SplitEnumeratorContext<NumberSequenceSplit> context) {
        return new Enumerator(context, splitNumberRange(0, count - 1, context.currentParallelism()));
    }

    @Override
    public SplitEnumerator<NumberSequenceSplit, Collection<NumberSequenceSplit>> restoreEnumerator(
            SplitEnumeratorContext<NumberSequenceSplit> context, Collection<NumberSequenceSplit> left) {
        return new Enumerator(context, left);
    }

    private static final class Enumerator implements SplitEnumerator<NumberSequenceSplit, Collection<NumberSequenceSplit>> {
        private final SplitEnumeratorContext<NumberSequenceSplit> context;
        private final List<NumberSequenceSplit> left;

        Enumerator(SplitEnumeratorContext<NumberSequenceSplit> context, Collection<NumberSequenceSplit> left) {
            this.context = context;
            this.left = new ArrayList<>(left);
        }

        /** Split ids are "1", "2", …, in the order of their ranges. */
        @Override
        public void handleSplitRequest(int subtask, String host) {
            for (Iterator<NumberSequenceSplit> splits = left.iterator(); splits.hasNext(); ) {
                NumberSequenceSplit split = splits.next();
                if (split.splitId().equals(String.valueOf(subtask + 1))) {
                    splits.remove();
                    context.assignSplit(split, subtask);
                    return;
                }
            }
            context.signalNoMoreSplits(subtask);
        }

        @Override
        public void addSplitsBack(List<NumberSequenceSplit> splits, int subtask) {
            left.addAll(splits);
        }

        @Override
        public Collection<NumberSequenceSplit> snapshotState(long checkpoint) {
            return left;
        }

        @Override
        public void start() {}

        @Override
        public void addReader(int subtask) {}

        @Override
        public void close() {}
    }
}
