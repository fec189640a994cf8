# The console, then the binary, then nothing else: a static program on an empty image.
FROM node:22-alpine AS console
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web ./
RUN mkdir -p ../internal/web/dist && npm run build

FROM golang:1.26-alpine AS build
ARG VERSION=dev
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=console /src/internal/web/dist/app internal/web/dist/app
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /tidegate ./cmd/tidegate && mkdir /data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/local/go/lib/time/zoneinfo.zip /usr/local/go/lib/time/zoneinfo.zip
COPY --from=build /tidegate /tidegate
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
ENV TIDEGATE_LISTEN=0.0.0.0:8080 TIDEGATE_DATA=/data ZONEINFO=/usr/local/go/lib/time/zoneinfo.zip
EXPOSE 8080
VOLUME /data
ENTRYPOINT ["/tidegate"]
CMD ["serve"]
