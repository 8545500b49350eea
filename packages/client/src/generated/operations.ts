// Generated from packages/contracts/generated/openapi.json; do not change by hand.

export const OPERATIONS = {
  "getHealth": {
    "method": "GET",
    "path": "/healthz",
    "media": "application/json"
  },
  "getMetrics": {
    "method": "GET",
    "path": "/metrics",
    "media": "text/plain"
  },
  "getOpenApi": {
    "method": "GET",
    "path": "/openapi.json",
    "media": "application/json"
  },
  "getReadiness": {
    "method": "GET",
    "path": "/readyz",
    "media": "application/json"
  },
  "getAccount": {
    "method": "GET",
    "path": "/v1/accounts/{id}",
    "media": "application/json"
  },
  "listEntries": {
    "method": "GET",
    "path": "/v1/accounts/{id}/entries",
    "media": "application/json"
  },
  "listAnomalies": {
    "method": "GET",
    "path": "/v1/anomalies",
    "media": "application/json"
  },
  "getAnomaly": {
    "method": "GET",
    "path": "/v1/anomalies/{id}",
    "media": "application/json"
  },
  "acknowledgeAnomaly": {
    "method": "POST",
    "path": "/v1/anomalies/{id}/acknowledge",
    "media": "application/json",
    "body": true
  },
  "listBalances": {
    "method": "GET",
    "path": "/v1/balances",
    "media": "application/json"
  },
  "streamChanges": {
    "method": "GET",
    "path": "/v1/changes",
    "media": "text/event-stream"
  },
  "listDeliveries": {
    "method": "GET",
    "path": "/v1/deliveries",
    "media": "application/json"
  },
  "getDelivery": {
    "method": "GET",
    "path": "/v1/deliveries/{id}",
    "media": "application/json"
  },
  "getDeliveryBody": {
    "method": "GET",
    "path": "/v1/deliveries/{id}/body",
    "media": "application/octet-stream"
  },
  "listDeposits": {
    "method": "GET",
    "path": "/v1/deposits",
    "media": "application/json"
  },
  "getDeposit": {
    "method": "GET",
    "path": "/v1/deposits/{id}",
    "media": "application/json"
  },
  "listDepositHistory": {
    "method": "GET",
    "path": "/v1/deposits/{id}/history",
    "media": "application/json"
  },
  "listEvents": {
    "method": "GET",
    "path": "/v1/events",
    "media": "application/json"
  },
  "getEvent": {
    "method": "GET",
    "path": "/v1/events/{id}",
    "media": "application/json"
  },
  "explain": {
    "method": "GET",
    "path": "/v1/explain/{kind}/{id}",
    "media": "application/json"
  },
  "getHead": {
    "method": "GET",
    "path": "/v1/head",
    "media": "application/json"
  },
  "listHeads": {
    "method": "GET",
    "path": "/v1/heads",
    "media": "application/json"
  },
  "listProjections": {
    "method": "GET",
    "path": "/v1/projections",
    "media": "application/json"
  },
  "getRebuild": {
    "method": "GET",
    "path": "/v1/projections/{name}/rebuild",
    "media": "application/json"
  },
  "startRebuild": {
    "method": "POST",
    "path": "/v1/projections/{name}/rebuild",
    "media": "application/json"
  },
  "rollBackProjection": {
    "method": "POST",
    "path": "/v1/projections/{name}/rollback",
    "media": "application/json",
    "body": true
  },
  "getConsistencyProof": {
    "method": "GET",
    "path": "/v1/proofs/consistency",
    "media": "application/json"
  },
  "getInclusionProof": {
    "method": "GET",
    "path": "/v1/proofs/inclusion",
    "media": "application/json"
  },
  "listQuarantine": {
    "method": "GET",
    "path": "/v1/quarantine",
    "media": "application/json"
  },
  "dismissQuarantined": {
    "method": "POST",
    "path": "/v1/quarantine/{delivery_id}/dismiss",
    "media": "application/json",
    "body": true
  },
  "retryQuarantined": {
    "method": "POST",
    "path": "/v1/quarantine/{delivery_id}/retry",
    "media": "application/json"
  },
  "getRun": {
    "method": "GET",
    "path": "/v1/runs/{run_id}",
    "media": "application/json"
  },
  "search": {
    "method": "GET",
    "path": "/v1/search",
    "media": "application/json"
  },
  "getStatus": {
    "method": "GET",
    "path": "/v1/status",
    "media": "application/json"
  },
  "listTotals": {
    "method": "GET",
    "path": "/v1/totals",
    "media": "application/json"
  },
  "listTrades": {
    "method": "GET",
    "path": "/v1/trades",
    "media": "application/json"
  },
  "getTrade": {
    "method": "GET",
    "path": "/v1/trades/{id}",
    "media": "application/json"
  },
  "listTradeHistory": {
    "method": "GET",
    "path": "/v1/trades/{id}/history",
    "media": "application/json"
  },
  "listWithdrawals": {
    "method": "GET",
    "path": "/v1/withdrawals",
    "media": "application/json"
  },
  "getWithdrawal": {
    "method": "GET",
    "path": "/v1/withdrawals/{id}",
    "media": "application/json"
  },
  "listWithdrawalHistory": {
    "method": "GET",
    "path": "/v1/withdrawals/{id}/history",
    "media": "application/json"
  }
} as const;
