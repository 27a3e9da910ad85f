curl --silent --show-error --fail-with-body "$LINEUP_URL/faces" \
  --header "X-API-Key: $LINEUP_KEY" --header 'Content-Type: application/json' \
  --data "{\"queryImageBase64\": \"$(base64 < demo.jpg | tr -d '\n')\"}"
