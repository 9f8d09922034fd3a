-- wrk script: sends the workload named by WORKLOAD and prints the result as one JSON line.
-- Requests are formatted once, so that the load generator takes as little CPU as it can.

local headers = { ["content-type"] = "application/json" }

local workloads = {
  greet = function() return { wrk.format("POST", "/Greeter/greet", headers, '"bob"') } end,
  runs = function() return { wrk.format("POST", "/Greeter/runs", headers, "1") } end,
  counter = function()
    local list = {}
    for key = 0, tonumber(os.getenv("COUNTER_KEYS")) - 1 do
      list[#list + 1] = wrk.format("POST", "/Counter/k" .. key .. "/add", headers, "1")
    end
    return list
  end,
}

local requests, sent = nil, 0

function init()
  requests = workloads[os.getenv("WORKLOAD")]()
end

function request()
  sent = sent + 1
  return requests[(sent - 1) % #requests + 1]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"duration_us":%d,"p50_us":%d,"p90_us":%d,"p99_us":%d,"max_us":%d,'
      .. '"errors":{"non_2xx":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d}}\n',
    summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max,
    errors.status, errors.connect, errors.read, errors.write, errors.timeout))
end
